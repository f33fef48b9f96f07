"""What a method or an evaluator may build with. Each part is usable by itself, outside of the bench too."""
