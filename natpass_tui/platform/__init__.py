"""Services of the operating system that the console uses outside of Textual."""
