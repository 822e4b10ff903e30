"""The console: the program in front of the user.

- `model/`: what is true (no textual); `links/<kind>/`: one kind of link each, its model and its pane.
- `terminal/`: the terminal engine behind an adapter; `driver/`: the one seam to Textual's inside.
- `widgets/`, `screens/`, `app`, `console.tcss`: what is seen.
- `cli`, `agents_list`, `demo/`: the command.
"""
