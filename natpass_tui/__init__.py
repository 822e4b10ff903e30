"""The console: the program that people use.

- `model/`: the state (no textual); `links/<kind>/`: one kind of link each, its model and its pane.
- `terminal/`: the terminal engine behind an adapter; `driver/`: the only use of Textual's internals.
- `widgets/`, `screens/`, `app`, `console.tcss`: the user interface.
- `cli`, `agents_list`, `demo/`: the command.
"""
