"""Networks of Assignment 2 that people really build and train wrongly, each with the checks it must lose."""

Q7_ANSWER = """
def autoencoder(side, code):
    small = side // 4
    encoder = [
        keras.Input((side, side, 1)),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(code),
    ]
    decoder = [
        keras.Input((code,)),
        layers.Dense(small * small * 12, activation="relu"),
        layers.Reshape((small, small, 12)),
        layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
    ]
    return keras.Sequential(encoder), keras.Sequential(decoder)
"""


def changed(text, **changes):
    """Mutants of a text: each (old, new, ..., the lost checks)."""
    found = {}
    for name, (*pairs, lost) in changes.items():
        mutant = text
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in mutant, (name, old)
            mutant = mutant.replace(old, new)
        found[name] = (mutant, set(lost.split()))
    return found


BOTH = "keras.Sequential(encoder), keras.Sequential(decoder)"
LAST = 'padding="same", activation="sigmoid"'
Q7 = changed(
    Q7_ANSWER,
    seven=("small = side // 4", "small = 7", "size"),
    code_of_maps=(
        "layers.Flatten(),\n        layers.Dense(code),",
        "layers.Conv2D(1, 1), layers.Flatten(),",
        "keras.Input((code,))",
        "keras.Input((small * small,))",
        "code weights",
    ),
    code_too_long=(
        "layers.Dense(code)",
        "layers.Dense(code + 1)",
        "keras.Input((code,))",
        "keras.Input((code + 1,))",
        "code",
    ),
    one_model=(BOTH, "keras.Sequential(encoder + decoder[1:])", "code"),
    linear=(LAST, 'padding="same"', "range"),
    relu_at_the_end=(LAST, LAST.replace("sigmoid", "relu"), "range"),
    wide=("layers.Dense(code)", "layers.Dense(64), layers.Dense(code)", "weights"),
    uneven=(LAST, LAST.replace("same", "valid"), "size code range"),
    other_way_round=(BOTH, "keras.Sequential(decoder), keras.Sequential(encoder)", "size code range"),
    layer_of_its_own=("layers.Flatten()", "layers.Lambda(lambda x: x), layers.Flatten()", "size code range weights"),
    numbers=(BOTH, "side, code", "size code range weights"),
)
Q8_ANSWER = """
def train(pictures, code, steps):
    encoder, decoder = autoencoder(pictures.shape[1], code)
    both = keras.Sequential([encoder, decoder])
    rate = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    both.compile(keras.optimizers.Adam(rate), "mse")
    drawn = pictures[np.random.default_rng(1).integers(len(pictures), size=steps * BATCH)]
    both.fit(drawn, drawn, batch_size=BATCH, shuffle=False, verbose=0)
    return encoder, decoder
"""
FIT = "both.fit(drawn, drawn, "
Q8 = changed(
    Q8_ANSWER,
    untrained=("    " + FIT + "batch_size=BATCH, shuffle=False, verbose=0)\n", "", "quality"),
    learns_too_slowly=("4e-3", "4e-6", "quality"),
    learns_too_fast=("4e-3", "4.0", "quality"),
    makes_any_other_picture=(FIT, "both.fit(drawn, drawn[::-1], ", "quality"),
    makes_negatives=(FIT, "both.fit(drawn, 1 - drawn, ", "quality"),
    trained_on_bytes=("drawn = pictures[", "drawn = 255 * pictures[", "quality"),
    ten_pictures=("integers(len(pictures)", "integers(10", "quality"),
    a_code_of_two=("autoencoder(pictures.shape[1], code)", "autoencoder(pictures.shape[1], 2)", "quality"),
    returns_the_joint_model=("return encoder, decoder", "return both", "quality"),
)
NETWORKS = {"q7": Q7, "q8": Q8}
