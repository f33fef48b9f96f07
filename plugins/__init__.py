"""The plug-ins that come with dcbench. They use only what `dcbench` and `dcbench.toolbox` offer to everybody."""
