"""Networks and reports of Assignment 4 that people really hand in wrong, each with the checks it must lose.

They are the same for both choices: what the network refines is the classical result.
"""

from tools.measure.catalogue.networks_compress import changed

Q5_ANSWER = """
def refiner():
    given = keras.Input((None, None, 3))
    x = layers.Rescaling(4, -2)(given)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x)
    missing = layers.Rescaling(0.1)(x)
    return keras.Model(given, layers.Add()([given, missing]))
"""
END = "layers.Add()([given, missing])"
SECOND = 'x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)'
Q5 = changed(
    Q5_ANSWER,
    size_of_the_pieces=("keras.Input((None, None, 3))", "keras.Input((36, 36, 3))", "size"),
    halves=(SECOND, 'x = layers.Conv2D(16, 3, strides=2, padding="same")(x)\n    x = layers.UpSampling2D()(x)', "size"),
    no_padding=(', padding="same"', "", "size start"),
    gray=("keras.Input((None, None, 3))", "keras.Input((None, None, 1))", "size start"),
    direct=(END, "missing", "start"),
    random_last_layer=(', kernel_initializer="zeros"', "", "start"),
    clipped=(END, "keras.ops.clip(" + END + ", 0, 1)", "start"),
    adds_twice=(END, "layers.Add()([given, given, missing])", "start"),
    too_wide=("Conv2D(16,", "Conv2D(32,", "weights"),
    too_deep=(SECOND, "\n    ".join([SECOND] * 2), "weights"),
    too_small=("Conv2D(16,", "Conv2D(3,", "learns"),
    frozen=(
        "return keras.Model(given, " + END + ")",
        "model = keras.Model(given, " + END + ")\n    model.trainable = False\n    return model",
        "learns",
    ),
    identity=(END, "layers.Identity()(given)", "learns"),
    layer_of_its_own=(END, "layers.Lambda(lambda x: x)(" + END + ")", "size start weights learns"),
)
LIGHT = Q5_ANSWER.replace("Conv2D(16,", "Conv2D(8,")  # trains in half the time, and still earns all
FIT = "model.fit(given[drawn], clean[drawn],"
ALL_OF_FIT = "    model.fit(given[drawn], clean[drawn], batch_size=BATCH, shuffle=False, verbose=0)\n"
WIDE = """x = keras.Input((None, None, 3))
    y = layers.Conv2D(22, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(22, 3, padding="same", activation="relu")(y)
    y = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(y)
    model = keras.Model(x, layers.Add()([x, y]))"""
Q6_ANSWER = """
def train(clean, how, level, strength, steps, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    spoiled = degrade(clean, how, level, rng)
    given = classical(spoiled, how, strength).astype(np.float32)
    drawn = rng.integers(len(clean), size=steps * BATCH)
    model = refiner()
    rate = keras.optimizers.schedules.CosineDecay(6e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "mae")
    model.fit(given[drawn], clean[drawn], batch_size=BATCH, shuffle=False, verbose=0)
    return model
"""
Q6 = changed(
    Q6_ANSWER,
    other_pictures=(FIT, "model.fit(given[drawn], clean[drawn][::-1],", "gain"),
    wide=("model = refiner()", WIDE, "gain"),
    untrained=(ALL_OF_FIT, "", "gain steps"),
    one_batch=("size=steps * BATCH", "size=BATCH", "gain steps"),
    one_step_more=("size=steps * BATCH", "size=(steps + 1) * BATCH", "steps"),
    no_model=("    model = refiner()", "    return given\n    model = refiner()", "gain steps seed"),
    no_seed_for_keras=("    keras.utils.set_random_seed(seed)\n", "", "seed"),
    drawn_by_nobody=("default_rng(seed)", "default_rng()", "seed"),
)
Q7_ANSWER = """
REPORT = {"strength": STRENGTH, "nothing": NOTHING, "classical": CLASSICAL, "network": NETWORK}
"""


def reports(strength, nothing, classical, network, other, of_other):
    """What people report in place of these four numbers; `of_other` are the dB of `other`, which is not the best."""
    right = {"STRENGTH": strength, "NOTHING": nothing, "CLASSICAL": classical, "NETWORK": network}

    def say(**wrong):
        return [pair for key, value in (right | wrong).items() for pair in (key, str(value))]

    return changed(
        Q7_ANSWER,
        network_rounded_up=(*say(NETWORK=network + 0.5), "network"),
        network_of_a_paper=(*say(NETWORK=31.37), "network"),
        network_a_little_better=(*say(NETWORK=network + 0.25), "network"),
        classical_made_worse=(*say(CLASSICAL=classical - 0.4), "classical"),
        classical_of_other_pictures=(*say(CLASSICAL=classical + 0.2), "classical"),
        nothing_is_black=(*say(NOTHING=10.0), "nothing"),
        nothing_in_colour=(*say(NOTHING=nothing - 1.3), "nothing"),
        strength_of_the_test=(*say(STRENGTH=other, CLASSICAL=of_other), "strength"),
        another_strength_than_the_numbers=(*say(CLASSICAL=of_other - 0.1), "classical"),
        no_strength=(*say(STRENGTH="float('nan')"), "strength classical"),
        turned_round=(*say(NOTHING=classical, CLASSICAL=nothing, NETWORK=nothing), "nothing classical network"),
        made_up=(*say(STRENGTH=0.123, NOTHING=20, CLASSICAL=30, NETWORK=40), "strength nothing classical network"),
        rounded=(*say(NOTHING=round(nothing, 2), CLASSICAL=round(classical, 2), NETWORK=round(network, 2)), ""),
        network_left_out=('"network": NETWORK', "", *say()[:6], "strength nothing classical network"),
        a_list=(
            'REPORT = {"strength": STRENGTH, "nothing": NOTHING, "classical": CLASSICAL, "network": NETWORK}',
            "REPORT = [1, 2, 3]",
            "strength nothing classical network",
        ),
    )


NETWORKS = {"q5": Q5, "q6": Q6}
