"""Wrong answers to Assignment 5 that people really give, each with the checks it must lose, and no others.

Those that build networks are in networks_attend.py.
"""

from tools.measure.catalogue.mutants_convolve import made

DOWN = (
    "for _ in range(depth):",
    "    size -= 4",
    "    if size < 2 or size % 2: raise ValueError",
    "    size //= 2",
)
BOTTOM = ("size -= 4", "if size < 1: raise ValueError")
UP = ("for _ in range(depth):", "    size = 2 * size - 4", "    if size < 1: raise ValueError")
Q1 = made(
    "def valid_size(size, depth):",
    same=("if size % 2**depth: raise ValueError", "return size", "size small"),
    no_convolutions_at_the_bottom=(*DOWN, *UP, "return size", "size small"),
    one_convolution_a_level=(*DOWN, *BOTTOM, *UP, "return size + 2 * depth", "size"),
    only_down=(*DOWN, *BOTTOM, "return size", "size small"),
    last_pair_forgotten=(*DOWN, *BOTTOM, *UP, "return size + 4", "size"),
    closed_formula=("return size - 4 * (2 ** (depth + 1) - 1) - 4 * (2**depth - 1) - 2", "size odd small"),
    paper_only=("return 388", "size odd small"),
    same_rule_for_odd=("if size % 2**depth: raise ValueError", *DOWN, *BOTTOM, *UP, "return size", "size"),
    rounds_down=(*DOWN[:2], "    if size < 2: raise ValueError", DOWN[3], *BOTTOM, *UP, "return size", "odd"),
    rounds_up=(
        *DOWN[:2],
        "    if size < 2: raise ValueError",
        "    size = -(-size // 2)",
        *BOTTOM,
        *UP,
        "return size",
        "odd",
    ),
    odd_at_the_first_level_only=(
        "if size % 2: raise ValueError",
        *DOWN[:2],
        "    if size < 2: raise ValueError",
        DOWN[3],
        *BOTTOM,
        *UP,
        "return size",
        "odd",
    ),
    below_nothing=(*DOWN[:2], "    if size % 2: raise ValueError", DOWN[3], BOTTOM[0], *UP[:2], "return size", "small"),
    zero_is_a_size=(*DOWN, *BOTTOM, *UP[:2], "    if size < 0: raise ValueError", "return size", "small"),
    checks_the_bottom_only=(*DOWN, *BOTTOM, *UP[:2], "return size", "small"),
    none_for_an_error=(*DOWN[:2], "    if size < 2 or size % 2: return 0", DOWN[3], *BOTTOM, *UP, "return size", "odd"),
    asserts=(*DOWN[:2], "    assert size >= 2 and size % 2 == 0", DOWN[3], *BOTTOM, *UP, "return size", "odd"),
)
CONV = "c = lambda k, a, b: k * k * a * b + b"
COUNT = (
    CONV,
    "w = [width * 2**n for n in range(depth + 1)]",
    "t = sum(c(3, a, b) + c(3, b, b) for a, b in zip([channels, *w], w))",
    "j = 2 if skip == 'concatenate' else 1",
    "t += sum(c(2, 2 * b, b) + c(3, j * b, b) + c(3, b, b) for b in w[:-1])",
    "return t + c(1, width, channels)",
)


def counted(old, new):
    text = "\n".join(COUNT)
    assert old in text, old
    return text.replace(old, new).split("\n")


Q2 = made(
    "def unet_weights(channels, width, depth, skip):",
    no_biases=(*counted("+ b", ""), "plain depth colour"),
    a_bias_for_each_input=(*counted("a * b + b", "a * b + a"), "skip"),
    no_last_one=(*counted("+ c(1, width, channels)", ""), "plain colour"),
    transposed_of_3=(*counted("c(2, 2 * b, b)", "c(3, 2 * b, b)"), "plain depth"),
    transposed_keeps_features=(*counted("c(2, 2 * b, b)", "c(2, 2 * b, 2 * b)"), "plain depth"),
    transposed_is_free=(*counted("c(2, 2 * b, b) + ", ""), "plain depth"),
    no_bottom=(*counted("zip([channels, *w], w))", "zip([channels, *w], w[:-1]))"), "plain depth"),
    one_convolution_up=(*counted(" + c(3, b, b) for b in w[:-1]", " for b in w[:-1]"), "plain depth"),
    bias_of_the_last_forgotten=(*counted("c(1, width, channels)", "width * channels"), "plain colour"),
    one_too_many=(*counted("return t", "return 1 + t"), "plain"),
    same_width_at_each_level=(*counted("width * 2**n", "width * 2 ** min(n, 1)"), "depth skip"),
    grows_by_one_width=(*counted("width * 2**n", "width * (n + 1)"), "depth skip"),
    four_times_at_the_third=(*counted("for b in w[:-1])", "for b in w[:1] * depth)"), "depth skip"),
    transposed_once=(*counted("+= sum(c(2, 2 * b, b)", "+= sum((b == width) * c(2, 2 * b, b)"), "depth"),
    bottom_twice=(*counted("return t", "return t + (depth > 1) * c(3, w[-1], w[-1])"), "depth"),
    up_for_the_last_only=(*counted("for b in w[:-1])", "for b in w[-2:-1])"), "depth skip"),
    adding_counts_like_concatenating=(*counted("skip == 'concatenate'", "skip != 'none'"), "skip"),
    skip_is_free=(*counted("2 if skip == 'concatenate' else 1", "1"), "skip"),
    always_concatenated=(*counted("2 if skip == 'concatenate' else 1", "2"), "plain depth skip"),
    both_convolutions_see_both=(*counted("+ c(3, b, b) for b in", "+ c(3, j * b, b) for b in"), "skip"),
    first_skip_only=(*counted("c(3, j * b, b)", "c(3, (j if b == width else 1) * b, b)"), "skip"),
    gray_at_the_start=(*counted("[channels, *w]", "[1, *w]"), "colour"),
    gray_at_the_end=(*counted("c(1, width, channels)", "c(1, width, 1)"), "colour"),
    hard_coded=("return 393", "plain depth skip colour"),
)
SIZES = "h, w = pictures.shape[1:3]"
MORE = "a, b = -h % multiple, -w % multiple"
PAD = "return np.pad(pictures, [(0, 0), (0, a), (0, b), (0, 0)], 'symmetric')"
Q3 = made(
    "def mirrored(pictures, multiple):",
    as_it_is=("return pictures", "size mirror small"),
    square=(SIZES, "h = w = max(h, w)", MORE, PAD, "size"),
    sides_swapped=(SIZES, "h, w = w, h", MORE, PAD, "size"),
    to_the_larger_side=(
        SIZES,
        "s = -(-max(h, w) // multiple) * multiple",
        "a, b = s - h, s - w",
        PAD,
        "size whole",
    ),
    border_not_repeated=(SIZES, MORE, PAD.replace("symmetric", "reflect"), "mirror"),
    border_alone=(SIZES, MORE, PAD.replace("symmetric", "edge"), "mirror"),
    wraps=(SIZES, MORE, PAD.replace("symmetric", "wrap"), "mirror"),
    black=(SIZES, MORE, PAD.replace("symmetric", "constant"), "mirror small"),
    on_both_sides=(SIZES, MORE, PAD.replace("(0, a), (0, b)", "(a // 2, a - a // 2), (b // 2, b - b // 2)"), "mirror"),
    above_and_left=(SIZES, MORE, PAD.replace("(0, a), (0, b)", "(a, 0), (b, 0)"), "mirror"),
    always_more=(SIZES, "a, b = multiple - h % multiple, multiple - w % multiple", PAD, "whole"),
    one_multiple_more=(SIZES, "a, b = (-s % multiple + multiple for s in (h, w))", PAD, "size mirror whole small"),
    power_of_two=(SIZES, "a, b = (2 ** int(np.ceil(np.log2(s))) - s for s in (h, w))", PAD, "size small"),
    cuts_to_the_last_multiple=(
        SIZES,
        "return pictures[:, : h // multiple * multiple, : w // multiple * multiple]",
        "size mirror small",
    ),
    mirrored_once=(
        SIZES,
        MORE,
        "p = np.concatenate([pictures, pictures[:, ::-1][:, :a]], axis=1)",
        "return np.concatenate([p, p[:, :, ::-1][:, :, :b]], axis=2)",
        "small",
    ),
    rows_one_by_one=(
        SIZES,
        MORE,
        "rows = [*range(h), *(h - 1 - n for n in range(a))]",
        "columns = [*range(w), *(w - 1 - n for n in range(b))]",
        "return pictures[:, rows][:, :, columns]",
        "small",
    ),
    of_the_first_picture=(SIZES, MORE, "pictures = pictures[:1]", PAD, "size mirror whole small"),
)
MEANS = "m = features.mean(axis=(1, 2))"
SQUEEZED = "s = np.maximum(m @ squeeze + squeeze_bias, 0)"
WEIGHTS = "w = 0.5 + 0.5 * np.tanh((s @ excite + excite_bias) / 2)"
TIMES = "return features * w[:, None, None, :]"
Q5 = made(
    "def attend(features, squeeze, squeeze_bias, excite, excite_bias):",
    largest=("m = features.max(axis=(1, 2))", SQUEEZED, WEIGHTS, TIMES, "means"),
    median=("m = np.median(features, axis=(1, 2))", SQUEEZED, WEIGHTS, TIMES, "means"),
    first_pixel=("m = features[:, 0, 0]", SQUEEZED, WEIGHTS, TIMES, "means"),
    each_row_by_itself=(
        "m = features.mean(axis=2)",
        SQUEEZED,
        WEIGHTS,
        "return features * w[:, :, None, :]",
        "means",
    ),
    each_pixel_by_itself=("m = features", SQUEEZED, WEIGHTS, "return features * w", "means"),
    sums=("m = features.sum(axis=(1, 2))", SQUEEZED, WEIGHTS, TIMES, "means each squeeze"),
    all_pictures_together=(
        "m = features.mean(axis=(0, 1, 2))[None]",
        SQUEEZED,
        WEIGHTS,
        TIMES,
        "each",
    ),
    first_picture_decides=(MEANS, "m = m[:1]", SQUEEZED, WEIGHTS, TIMES, "each"),
    means_of_means=(MEANS, "m = np.repeat(m.mean(axis=0, keepdims=True), len(m), 0)", SQUEEZED, WEIGHTS, TIMES, "each"),
    no_relu=(MEANS, "s = m @ squeeze + squeeze_bias", WEIGHTS, TIMES, "squeeze"),
    absolute=(MEANS, "s = np.abs(m @ squeeze + squeeze_bias)", WEIGHTS, TIMES, "squeeze"),
    relu_before_the_bias=(
        MEANS,
        "s = np.maximum(m @ squeeze, 0) + squeeze_bias",
        WEIGHTS,
        TIMES,
        "squeeze",
    ),
    leaky=(MEANS, "s = m @ squeeze + squeeze_bias", "s = np.where(s > 0, s, 0.2 * s)", WEIGHTS, TIMES, "squeeze"),
    exponential_overflows=(
        MEANS,
        SQUEEZED,
        "e = np.exp(s @ excite + excite_bias)",
        "w = e / (1 + e)",
        TIMES,
        "sigmoid",
    ),
    clipped_before=(
        MEANS,
        SQUEEZED,
        "w = 1 / (1 + np.exp(-np.clip(s @ excite + excite_bias, -7, 7)))",
        TIMES,
        "sigmoid",
    ),
    tanh=(MEANS, SQUEEZED, WEIGHTS.replace("/ 2", "/ 1"), TIMES, "means each squeeze"),
    hard_sigmoid=(
        MEANS,
        SQUEEZED,
        "w = np.clip((s @ excite + excite_bias) / 6 + 0.5, 0, 1)",
        TIMES,
        "means each squeeze",
    ),
    softmax=(
        MEANS,
        SQUEEZED,
        "e = s @ excite + excite_bias",
        "e = np.exp(e - e.max(axis=1, keepdims=True))",
        "w = e / e.sum(axis=1, keepdims=True)",
        TIMES,
        "means each squeeze sigmoid",
    ),
    no_biases=(
        MEANS,
        SQUEEZED.replace(" + squeeze_bias", ""),
        WEIGHTS.replace(" + excite_bias", ""),
        TIMES,
        "means each squeeze sigmoid",
    ),
    in_place=(MEANS, SQUEEZED, WEIGHTS, "features *= w[:, None, None, :]", "return features", "intact"),
    keeps_its_bias=(
        "squeeze_bias += 0.1",
        MEANS,
        SQUEEZED.replace("+ squeeze_bias", "+ squeeze_bias - 0.1"),
        WEIGHTS,
        TIMES,
        "intact",
    ),
    weights_alone=(MEANS, SQUEEZED, WEIGHTS, "return features * 0 + w[:, None, None]", "means each squeeze sigmoid"),
    added=(MEANS, SQUEEZED, WEIGHTS, "return features + w[:, None, None, :]", "means each squeeze sigmoid"),
    untouched=("return features", "means each squeeze sigmoid"),
)
MUTANTS = {"q1": Q1, "q2": Q2, "q3": Q3, "q5": Q5}
