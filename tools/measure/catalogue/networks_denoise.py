"""Networks of Assignment 3 that people really build and train wrongly, each with the checks it must lose."""

from tools.measure.catalogue.networks_compress import changed

Q6_ANSWER = """
def denoiser():
    noisy = keras.Input((None, None, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(noisy)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    noise = layers.Conv2D(1, 3, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(noisy, layers.Subtract()([noisy, noise]))
"""
END = "layers.Subtract()([noisy, noise])"
Q6 = changed(
    Q6_ANSWER,
    size_of_the_patches=("keras.Input((None, None, 1))", "keras.Input((32, 32, 1))", "size"),
    halves=(
        'x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)',
        'x = layers.Conv2D(16, 3, strides=2, padding="same")(x)\n    x = layers.UpSampling2D()(x)',
        "size",
    ),
    no_padding=(', padding="same"', "", "size start"),
    direct=(END, "noise", "start"),
    random_last_layer=(', kernel_initializer="zeros"', "", "start"),
    noise_minus_picture=("[noisy, noise]", "[noise, noisy]", "start"),
    clipped=(END, "keras.ops.clip(" + END + ", 0, 1)", "start"),
    too_wide=("Conv2D(16,", "Conv2D(32,", "weights"),
    too_small=("Conv2D(16,", "Conv2D(4,", "learns"),
    frozen=(
        "return keras.Model(noisy, " + END + ")",
        "model = keras.Model(noisy, " + END + ")\n    model.trainable = False\n    return model",
        "learns",
    ),
    identity=("layers.Subtract()([noisy, noise])", "layers.Identity()(noisy)", "learns"),
    layer_of_its_own=(END, "layers.Lambda(lambda x: x)(" + END + ")", "size start weights learns"),
)
Q7_ANSWER = """
def train(clean, level, steps, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    target = clean[rng.integers(len(clean), size=steps * BATCH)]
    noisy = target + rng.normal(0, level / 255, target.shape)
    model = denoiser()
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(noisy, target, batch_size=BATCH, shuffle=False, verbose=0)
    return model
"""
WIDE = """x = keras.Input((None, None, 1))
    y = layers.Conv2D(24, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(24, 3, padding="same", activation="relu")(y)
    y = layers.Conv2D(1, 3, padding="same", kernel_initializer="zeros")(y)
    model = keras.Model(x, layers.Subtract()([x, y]))"""
FIT = "model.fit(noisy, target,"
Q7 = changed(
    Q7_ANSWER,
    learns_the_noisy=(FIT, "model.fit(noisy, noisy,", "gain"),
    learns_from_the_clean=(FIT, "model.fit(target, target,", "gain"),
    other_pictures=(FIT, "model.fit(noisy, target[::-1],", "gain"),
    noise_of_bytes=("level / 255", "level", "gain"),
    wide=(
        "model = denoiser()",
        WIDE,
        "gain",
    ),
    two_epochs=("batch_size=BATCH,", "batch_size=BATCH, epochs=2,", "steps"),
    optimizer_left_behind=(
        "    return model",
        "    fresh = keras.models.clone_model(model)\n    fresh.set_weights(model.get_weights())\n    return fresh",
        "steps",
    ),
    no_seed_for_keras=("    keras.utils.set_random_seed(seed)\n", "", "seed"),
    drawn_by_nobody=("default_rng(seed)", "default_rng()", "seed"),
)
NETWORKS = {"q6": Q6, "q7": Q7}
