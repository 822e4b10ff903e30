"""What the console knows and does, without a screen: nothing here or below `links/*/` sessions imports textual.

Pure parts are values in, values out (`agents`, `fleet`, `times`, `naming`, `relay_text`, `prefix`, `tabs`,
`latency`); `console` holds the connection to the relay. Words: an *agent* is a row of the fleet, a *tab* is one
session of the user, whatever its kind (`natpass_tui/links/<kind>/`).
"""
