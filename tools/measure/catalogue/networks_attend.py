"""Networks of Assignment 5 that people really build, train and compare wrongly, each with the checks it must lose."""

from tools.measure.catalogue import make_submissions
from tools.measure.catalogue.networks_compress import changed

ANSWERS = make_submissions.answers(name="attend")
POOL = "x = layers.MaxPooling2D()(x)"
JOIN = "x = layers.Concatenate()([carried[level], x])"
ADD = "x = layers.Add()([carried[level], x])"
UP = "x = layers.Conv2DTranspose(\n            width * 2**level, 2, strides=2, kernel_initializer=start\n        )(x)"
TRANSPOSED = "Conv2DTranspose(\n            width * 2**level, 2, strides=2,"
PLAIN = "Conv2D(\n            width * 2**level, 2, padding='same',"
FROZEN = "model = keras.Model({})\n    model.trainable = False\n    return model"
END = "layers.Add()([picture, change])"
Q4 = changed(
    ANSWERS["q4"],
    size_of_the_patches=("keras.Input((None, None, 1))", "keras.Input((16, 16, 1))", "size"),
    no_residual=(END, "change", "start path"),
    random_by_default=('last="zeros"', 'last="he_normal"', "start"),
    no_relu=('activation="relu", ', "", "path"),
    means_pooled=("layers.MaxPooling2D()", "layers.AveragePooling2D(2)", "path"),
    resized=(UP, f"x = layers.UpSampling2D()(x)\n        {UP.replace(TRANSPOSED, PLAIN)}", "path"),
    adds_for_none=('if skip == "add":', 'if skip in ("add", "none"):', "path"),
    adds_for_concatenate=(JOIN, ADD, "weights"),
    no_biases=('activation="relu", ', 'activation="relu", use_bias=False, ', "weights"),
    layer_of_its_own=(END, f"layers.Lambda(lambda x: x)({END})", "size start path weights"),
)
BLOCK = "layers.ReLU()(layers.Add()([x, change]))"
LOOK = "layers.GlobalAveragePooling2D(keepdims=True)(x)"
WHOLE = "features, layers.Add()([features, attended])"
Q6 = changed(
    ANSWERS["q6"],
    no_dilation=("dilation_rate=dilation", "dilation_rate=1", "reach"),
    near_without=("convolve(convolve(features), dilation=2)", "convolve(convolve(features))", "reach"),
    largest_in_place_of_mean=("layers.GlobalAveragePooling2D", "layers.GlobalMaxPooling2D", "reach"),
    far_without_relu=("(features, dilation=3)", "(features, activation=None, dilation=3)", "point"),
    no_relu_after_the_block=(BLOCK, "layers.Add()([x, change])", "point"),
    no_short_skip=("layers.Add()([features, attended])", "attended", "reach point"),
    no_biases=("            size,\n", "            size,\n            use_bias=False,\n", "weights"),
    adds_the_branches=("layers.Concatenate()", "layers.Add()", "point weights"),
)
# Step by step, not as a graph: the few steps of most checks are done sooner.
EAGER = ANSWERS["q7"].replace('"mse")', '"mse", run_eagerly=True)')
FIT = "model.fit(noisy[drawn], clean[drawn],"
Q7 = changed(
    EAGER,
    two_epochs=("batch_size=BATCH,", "batch_size=BATCH, epochs=2,", "steps"),
    optimizer_left_behind=(
        "return model",
        "fresh = keras.models.clone_model(model)\n    fresh.set_weights(model.get_weights())\n    return fresh",
        "steps",
    ),
    one_skip_for_all=("DEPTH, skip)", 'DEPTH, "add")', "steps"),
    no_seed_for_keras=("keras.utils.set_random_seed(seed)", "pass", "seed"),
    the_same_seed_each_time=("(seed)", "(1)", "seed"),
    learns_the_noisy=(FIT, "model.fit(noisy[drawn], noisy[drawn],", "seed learns"),
    other_pictures=(FIT, "model.fit(noisy[drawn], clean[drawn[::-1]],", "learns"),
    hardly_moves=("1e-2, steps", "1e-5, steps", "learns"),
)
TABLE = "[[score(skip, seed) for seed in seeds] for skip in skips]"
TRAIN = "= train(skip, noisy, clean, steps, seed)"
# The question is what becomes of what `train` makes, so here its network differs with all it is given.
MADE = """
def train(skip, noisy, clean, steps, seed):
    told = [seed, steps, len(skip), int(1e4 * noisy.std()), int(1e4 * clean.std())]
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 1)])
    model.set_weights([np.random.default_rng(told).uniform(0.3, 0.9, w.shape) for w in model.get_weights()])
    return model


"""
Q8 = changed(
    MADE + ANSWERS["q8"],
    kinds_turned_round=("for skip in skips", "for skip in skips[::-1]", "kinds"),
    scored_on_the_training_pairs=("psnr(right,", "psnr(clean,", "model(unseen)", "model(noisy)", "kinds"),
    trained_on_the_unseen=(TRAIN, "= train(skip, unseen, right, steps, seed)", "kinds"),
    a_seed_for_each_kind=(TRAIN, "= train(skip, noisy, clean, steps, seed + skips.index(skip))", "kinds"),
    best_of_all_kinds=(TABLE, f"{TABLE}).max(axis=0) * np.ones((len(skips), 1)", "kinds"),
    first_seed_for_all=("score(skip, seed) for", "score(skip, seeds[0]) for", "seeds"),
    each_seed_once=("for seed in seeds", "for seed in sorted(set(seeds))", "seeds"),
    means_over_seeds=(TABLE, f"{TABLE}).mean(axis=1, keepdims=True) * np.ones(len(seeds)", "seeds"),
    hard_coded=(TABLE, "[[30.0 for seed in seeds] for skip in skips]", "kinds seeds"),
)
NETWORKS = {"q4": Q4, "q6": Q6, "q7": Q7, "q8": Q8}
