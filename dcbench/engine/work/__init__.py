"""The other process: a worker that forks a child for each job, the job itself, and the task it gives to a method."""
