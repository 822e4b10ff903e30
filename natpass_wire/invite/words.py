"""The words of invite codes."""

#: 256 short words that are easy to say and to spell. Their first four letters differ, and no two words differ in one
#: letter only, so that a slip of the tongue or of a finger gives no other code.
# fmt: off
WORDS: tuple[str, ...] = (
    "acorn", "adobe", "agent", "alarm", "album", "alpine", "amber", "anchor", "angle", "antler", "apple", "apron",
    "arena", "armor", "arrow", "atlas", "autumn", "avocado", "badge", "bagel", "balloon", "bamboo", "banana",
    "barn", "basil", "beacon", "beaver", "bishop", "blanket", "blossom", "border", "bottle", "bridge", "bronze",
    "bucket", "buffalo", "butter", "cabin", "cactus", "camel", "candle", "canyon", "carbon", "castle", "cedar",
    "cello", "chalk", "cherry", "chimney", "cider", "circus", "clover", "cobalt", "coconut", "comet", "copper",
    "coral", "cotton", "cradle", "cricket", "crystal", "curtain", "dagger", "dahlia", "daisy", "dancer", "decade",
    "denim", "desert", "diamond", "dinner", "dolphin", "domino", "dragon", "drawer", "eagle", "easel", "echo",
    "eclipse", "elbow", "emerald", "engine", "envelope", "fabric", "falcon", "feather", "fennel", "figure",
    "flamingo", "forest", "fossil", "fountain", "fragment", "frost", "gadget", "galaxy", "garden", "garlic",
    "gecko", "geyser", "ginger", "giraffe", "glacier", "goblet", "gondola", "gravel", "guitar", "hamlet", "harbor",
    "hazel", "helmet", "hermit", "hollow", "honey", "hornet", "hotel", "hurdle", "iceberg", "igloo", "indigo",
    "insect", "iris", "island", "ivory", "jacket", "jaguar", "jasmine", "jelly", "jigsaw", "jockey", "journal",
    "jungle", "kayak", "kettle", "kidney", "kitten", "koala", "ladder", "lagoon", "lantern", "laurel", "lemon",
    "leopard", "lettuce", "lilac", "lizard", "lobster", "lotus", "lumber", "magnet", "mango", "marble", "meadow",
    "melon", "mercury", "meteor", "mirror", "monsoon", "mosaic", "muffin", "museum", "mustard", "napkin", "nectar",
    "needle", "nickel", "noodle", "nutmeg", "oasis", "ocean", "octopus", "olive", "onion", "opal", "orbit",
    "orchard", "oregano", "otter", "oyster", "paddle", "palace", "panther", "papaya", "pebble", "pelican", "pepper",
    "picnic", "pigeon", "pirate", "planet", "polar", "poppy", "pretzel", "pumpkin", "puzzle", "quartz", "quilt",
    "quiver", "rabbit", "radar", "raft", "raven", "ribbon", "river", "rocket", "rooster", "rubber", "rudder",
    "saffron", "salmon", "sandal", "satin", "scarlet", "shadow", "silver", "sketch", "spider", "sponge", "squirrel",
    "statue", "summer", "sunset", "swallow", "syrup", "tablet", "tartan", "teapot", "temple", "thunder", "timber",
    "tomato", "topaz", "trumpet", "tulip", "tundra", "turtle", "umbrella", "unicorn", "urchin", "valley", "vanilla",
    "velvet", "violin", "volcano", "voyage", "waffle", "walnut", "walrus", "whisper", "willow", "window", "winter",
    "yogurt", "zebra", "zenith", "zigzag",
)
# fmt: on
