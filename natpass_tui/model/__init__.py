"""The console's model, without a screen: nothing here, and no tab in `links/*/tab.py`, imports textual.

Pure modules: `agents`, `fleet`, `times`, `naming`, `relay_text`, `prefix`, `tabs`, `latency`. `console` holds the
connection to the relay. Words: an *agent* is a row of the fleet, a *tab* is one open thing of the user, of any kind
(`natpass_tui/links/<kind>/tab.py`).
"""
