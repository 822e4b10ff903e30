"""What the console asks the operating system for, outside of Textual."""
