"""Wrong answers to Assignment 1 that people really give, each with the checks it must lose, and no others.

`MUTANTS[question]` maps what is wrong to (the answer cell, the lost checks without "q1-").
"""

WEIGHTS = "w = np.array([0.299, 0.587, 0.114])"


def lines(*body):
    return "\n".join(f"    {line}" for line in body)


def made(head, **bodies):
    """Mutants of one function: each a tuple of body lines, the last of which names the lost checks."""
    return {name: (f"{head}\n{lines(*body)}", set(lost.split())) for name, (*body, lost) in bodies.items()}


FLOAT = "if image.dtype != np.uint8: return image.astype(np.float32)"
Q1 = made(
    "def to_float(image):",
    divides_by_256=(FLOAT, "return image.astype(np.float32) / 256", "range dark"),
    divides_by_the_largest=(FLOAT, "return image.astype(np.float32) / image.max()", "range dark"),
    divides_whole_numbers=(FLOAT, "return (image // 255).astype(np.float32)", "range dark"),
    does_not_divide=("return image.astype(np.float32)", "range dark"),
    clips=(FLOAT, "return np.clip(image, 0, 1).astype(np.float32)", "range dark"),
    signed_bytes=(FLOAT, "return (image.astype(np.int8) / 255).astype(np.float32)", "range"),
    stretches=(FLOAT, "return ((image - image.min()) / np.ptp(image)).astype(np.float32)", "range dark"),
    looks_at_values=("x = image.astype(np.float32)", "return x / 255 if x.max() > 1 else x", "dark"),
    divides_everything=("return image.astype(np.float32) / 255", "float"),
    keeps_float64=("return image / 255 if image.dtype == np.uint8 else image", "type"),
    float16=("return (image / 255 if image.dtype == np.uint8 else image).astype(np.float16)", "range float type"),
    identity=("return image", "range dark type"),
    hard_coded=("return np.float32([[0, 0.2, 1]])", "range dark float type"),
    prints=("print(image / 255)", "range dark float type"),
)
Q2 = made(
    "def to_gray(image):",
    mean=("return image.mean(-1)", "weights batch"),
    blue_first=("return image @ np.array([0.114, 0.587, 0.299])", "weights batch"),
    bt709=("return image @ np.array([0.2126, 0.7152, 0.0722])", "weights batch"),
    green_alone=("return image[..., 1]", "weights batch"),
    largest=("return image.max(-1)", "weights batch"),
    keeps_the_axis=(WEIGHTS, "return (image @ w)[..., None]", "weights batch intact"),
    swaps_axes=(WEIGHTS, "return (image @ w).T", "weights batch"),
    channels_first=(WEIGHTS, "return np.tensordot(w, image[:3], 1)", "weights batch intact"),
    one_image_only=(WEIGHTS, "return w[0] * image[:, :, 0] + w[1] * image[:, :, 1] + w[2] * image[:, :, 2]", "batch"),
    in_place=(WEIGHTS, "image *= w", "return image.sum(-1)", "intact"),
    rounds=(WEIGHTS, "return np.round(image @ w, 2)", "weights batch"),
    photos_are_bgr=("if image.ndim == 3: image = image[..., ::-1]", WEIGHTS, "return image @ w", "weights"),
    hard_coded=("return np.array([[0.299, 0.114]])", "weights batch intact"),
)
ERROR = "mse = np.mean((np.asarray(clean, float) - np.asarray(restored, float)) ** 2)"
INF = "if mse == 0: return np.inf"
Q3 = made(
    "def psnr(clean, restored, data_range):",
    range_is_1=(ERROR, INF, "return 10 * np.log10(1 / mse)", "255 bytes"),
    range_is_255=(ERROR, INF, "return 10 * np.log10(255**2 / mse)", "unit"),
    range_of_the_image=(ERROR, INF, "return 10 * np.log10(float(np.max(clean)) ** 2 / mse)", "unit 255 bytes"),
    range_not_squared=(ERROR, INF, "return 10 * np.log10(data_range / mse)", "255 bytes"),
    natural_logarithm=(ERROR, INF, "return 10 * np.log(data_range**2 / mse)", "unit 255 bytes"),
    twenty=(ERROR, INF, "return 20 * np.log10(data_range**2 / mse)", "unit 255 bytes"),
    sum_of_squares=(ERROR, INF, "return 10 * np.log10(data_range**2 / (mse * clean.size))", "unit 255 bytes"),
    absolute_error=(
        "e = np.mean(np.abs(clean * 1.0 - restored))",
        "return 20 * np.log10(data_range / e)",
        "unit 255 bytes",
    ),
    range_by_type=(ERROR, INF, "r = 255 if clean.dtype == np.uint8 else 1", "return 10 * np.log10(r**2 / mse)", "255"),
    bytes_wrap=("mse = np.mean((clean - restored) ** 2)", INF, "return 10 * np.log10(data_range**2 / mse)", "bytes"),
    epsilon=(ERROR, "return 10 * np.log10(data_range**2 / (mse + 1e-12))", "equal"),
    hundred_if_equal=(ERROR, "if mse == 0: return 100.0", "return 10 * np.log10(data_range**2 / mse)", "equal"),
    upside_down=(ERROR, INF, "return 10 * np.log10(mse / data_range**2)", "unit 255 bytes"),
    a_row_each=(
        "mse = np.mean((clean * 1.0 - restored) ** 2, axis=0)",
        "return 10 * np.log10(data_range**2 / mse)",
        "unit 255 bytes equal",
    ),
    hard_coded=("return 20.0", "unit 255 bytes equal"),
)
MODES = 'modes = {"zero": "constant", "edge": "edge", "reflect": "reflect"}'
NAME = "if border not in modes: raise ValueError(border)"
SIDES = "sides = [(margin, margin)] * 2 + [(0, 0)] * (image.ndim - 2)"
PAD = "return np.pad(image, sides, modes[border])"
Q4 = made(
    "def pad(image, margin, border):",
    symmetric=(MODES.replace('"reflect"}', '"symmetric"}'), NAME, SIDES, PAD, "reflect"),
    wraps=(MODES.replace('"reflect"}', '"wrap"}'), NAME, SIDES, PAD, "reflect"),
    zero_is_edge=(MODES.replace("constant", "edge"), NAME, SIDES, PAD, "zero"),
    edge_is_zero=(MODES.replace('"edge": "edge"', '"edge": "constant"'), NAME, SIDES, PAD, "edge"),
    always_zero=(MODES, NAME, SIDES, "return np.pad(image, sides)", "edge reflect"),
    one_too_many=("margin += 1", MODES, NAME, SIDES, PAD, "zero edge reflect colour none"),
    margin_in_all=("margin *= 2", MODES, NAME, SIDES, PAD, "zero edge reflect colour"),
    one_side=(MODES, NAME, SIDES.replace("(margin, margin)", "(margin, 0)"), PAD, "zero edge reflect colour"),
    rows_only=(
        MODES,
        NAME,
        "sides = [(margin, margin)] + [(0, 0)] * (image.ndim - 1)",
        PAD,
        "zero edge reflect colour",
    ),
    pads_channels=(MODES, NAME, "return np.pad(image, margin, modes[border])", "colour"),
    gray_only=(MODES, NAME, "h, w = image.shape", "return np.pad(image, margin, modes[border])", "colour"),
    any_name=(MODES, SIDES, 'return np.pad(image, sides, modes.get(border, "edge"))', "name"),
    key_error=(MODES, SIDES, PAD, "name"),
    minus_zero=(
        MODES,
        NAME,
        SIDES,
        "big = np.pad(image, sides, modes[border])",
        "big[margin:-margin, margin:-margin] = image",
        "return big",
        "none",
    ),
    identity=("return image", "zero edge reflect colour name"),
)
SIZE = "rows, cols = kernel.shape; h, w = image.shape[0] - rows + 1, image.shape[1] - cols + 1"
EMPTY = "out = np.zeros((h, w))"
LOOP = "for y in range(rows):\n        for x in range(cols): out += kernel[y, x] * image[y : y + h, x : x + w]"
Q5 = made(
    "def correlate(image, kernel):",
    mirrors=(SIZE, EMPTY, "kernel = kernel[::-1, ::-1]", LOOP, "return out", "places negative whole"),
    transposes=("kernel = kernel.T", SIZE, EMPTY, LOOP, "return out", "places negative whole"),
    swaps_the_result=(SIZE, EMPTY, LOOP, "return out.T", "places negative whole"),
    last_place_missing=(SIZE, "h, w = h - 1, w - 1", EMPTY, LOOP, "return out", "places negative whole"),
    last_row_zero=(SIZE, EMPTY, LOOP, "out[-1] = 0", "return out", "places negative whole"),
    keeps_the_size=("image = np.pad(image, 1)", SIZE, EMPTY, LOOP, "return out", "places negative whole"),
    square_only=(SIZE, "cols = rows", "w = image.shape[1] - cols + 1", EMPTY, LOOP, "return out", "places"),
    clips=(SIZE, EMPTY, LOOP, "return np.maximum(out, 0)", "negative"),
    absolute=(SIZE, EMPTY, LOOP, "return np.abs(out)", "negative"),
    like_the_image=(
        SIZE,
        "out = np.zeros_like(image[:h, :w])",
        "for y in range(h):\n        for x in range(w): out[y, x] = (kernel * image[y : y + rows, x : x + cols]).sum()",
        "return out",
        "whole",
    ),
    averages=(SIZE, EMPTY, LOOP, "return out / kernel.size", "places negative whole"),
    normalises=(SIZE, EMPTY, LOOP, "return out / kernel.sum()", "places negative whole"),
    identity=("return image", "places negative whole"),
    hard_coded=("return np.array([[10.0, 14, 18], [26, 30, 34]])", "places negative whole"),
)
EVEN = "if 0 in (kernel.shape[0] % 2, kernel.shape[1] % 2): raise ValueError(kernel.shape)"
CONVOLVE = "rows, cols = kernel.shape; top, left = rows // 2, cols // 2; h, w = image.shape; out = np.zeros((h, w))"
ROUND = "p = np.pad(image, [(top, top), (left, left)])"
FLIP = "k = kernel[::-1, ::-1]"
SUM = "for y in range(rows):\n        for x in range(cols): out += k[y, x] * p[y : y + h, x : x + w]"
Q6 = made(
    "def convolve(image, kernel):",
    does_not_mirror=(EVEN, CONVOLVE, ROUND, "k = kernel", SUM, "return out", "mirror"),
    mirrors_rows_only=(EVEN, CONVOLVE, ROUND, "k = kernel[::-1]", SUM, "return out", "mirror"),
    mirrors_columns_only=(EVEN, CONVOLVE, ROUND, "k = kernel[:, ::-1]", SUM, "return out", "mirror"),
    rotates=(EVEN, CONVOLVE, ROUND, "k = np.rot90(kernel, 2).T", SUM, "return out", "mirror oblong"),
    repeats_the_edge=(
        EVEN,
        CONVOLVE,
        'p = np.pad(image, [(top, top), (left, left)], "edge")',
        FLIP,
        SUM,
        "return out",
        "border",
    ),
    reflects=(
        EVEN,
        CONVOLVE,
        'p = np.pad(image, [(top, top), (left, left)], "reflect")',
        FLIP,
        SUM,
        "return out",
        "border",
    ),
    wraps=(
        EVEN,
        CONVOLVE,
        'p = np.pad(image, [(top, top), (left, left)], "wrap")',
        FLIP,
        SUM,
        "return out",
        "border",
    ),
    border_left_black=(
        EVEN,
        CONVOLVE,
        ROUND,
        FLIP,
        SUM,
        "out[:top] = 0; out[h - top :] = 0; out[:, :left] = 0; out[:, w - left :] = 0",
        "return out",
        "border",
    ),
    off_by_one=(
        EVEN,
        CONVOLVE,
        "p = np.pad(image, [(top + 1, top), (left + 1, left)])",
        FLIP,
        SUM,
        "return out",
        "mirror border oblong",
    ),
    valid_only=(
        EVEN,
        "rows, cols = kernel.shape; p = image; h, w = p.shape[0] - rows + 1, p.shape[1] - cols + 1",
        "out = np.zeros((h, w))",
        FLIP,
        SUM,
        "return out",
        "mirror border oblong intact",
    ),
    square_border=(
        EVEN,
        CONVOLVE,
        "p = np.pad(image, top)",
        FLIP,
        SUM,
        "return out",
        "oblong",
    ),
    takes_even_kernels=(CONVOLVE, ROUND, FLIP, SUM, "return out", "even"),
    mirrors_in_place=(
        EVEN,
        CONVOLVE,
        ROUND,
        "kernel[:] = kernel[::-1, ::-1].copy()",
        "k = kernel",
        SUM,
        "return out",
        "intact",
    ),
    image_as_result=(EVEN, CONVOLVE, ROUND, FLIP, SUM, "image[:] = out", "return image", "intact"),
    fourier=(
        EVEN,
        "return np.real(np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(kernel, image.shape)))",
        "mirror border oblong",
    ),
    identity=("return image", "mirror border oblong even"),
)
HEAD = "def output_size(n, taps, padding=0, stride=1, dilation=1):"
SPAN = "span = dilation * (taps - 1) + 1"
SMALL = "if n + 2 * padding < span: return 0"
Q7 = made(
    HEAD,
    no_first=(SPAN, SMALL, "return (n + 2 * padding - span) // stride", "plain padding stride dilation"),
    rounds_up=(SPAN, SMALL, "return -(-(n + 2 * padding - span) // stride) + 1", "stride"),
    padding_once=(SPAN, SMALL, "return (n + padding - span) // stride + 1", "padding"),
    no_padding=(SPAN, "if n < span: return 0", "return (n - span) // stride + 1", "padding"),
    no_stride=(SPAN, SMALL, "return n + 2 * padding - span + 1", "stride"),
    divides_first=(SPAN, SMALL, "return n // stride + 2 * padding - span + 1", "stride"),
    no_dilation=("span = taps", SMALL, "return (n + 2 * padding - span) // stride + 1", "dilation"),
    dilation_times_taps=("span = taps * dilation", SMALL, "return (n + 2 * padding - span) // stride + 1", "dilation"),
    a_float=(SPAN, SMALL, "return np.floor((n + 2 * padding - span) / stride) + 1", "int"),
    negative=(SPAN, "return (n + 2 * padding - span) // stride + 1", "small"),
    one_at_least=(SPAN, "return max(1, (n + 2 * padding - span) // stride + 1)", "small"),
    same_size=("return -(-n // stride)", "plain padding stride dilation small"),
    hard_coded=("return 28 if padding else 26", "plain padding stride dilation small"),
) | made(
    HEAD.replace("padding=0", "padding=1"),
    padding_by_itself=(SPAN, SMALL, "return (n + 2 * padding - span) // stride + 1", "plain"),
)
NOISE = "noise = np.random.default_rng(seed).normal(0, SIGMA, image.shape)"
Q8 = made(
    "def camera(image, seed):",
    global_seed=("np.random.seed(seed)", "return GAIN * image + np.random.normal(0, SIGMA, image.shape)", "stream"),
    no_seed=("return GAIN * image + np.random.default_rng().normal(0, SIGMA, image.shape)", "stream seed"),
    seed_is_0=("return GAIN * image + np.random.default_rng(0).normal(0, SIGMA, image.shape)", "stream seed"),
    uniform=(
        "noise = np.random.default_rng(seed).uniform(-1, 1, image.shape) * SIGMA * 3**0.5",
        "return GAIN * image + noise",
        "stream",
    ),
    variance=(
        "noise = np.random.default_rng(seed).normal(0, SIGMA**2, image.shape)",
        "return GAIN * image + noise",
        "level",
    ),
    of_bytes=(
        "noise = np.random.default_rng(seed).normal(0, SIGMA / 255, image.shape)",
        "return GAIN * image + noise",
        "level",
    ),
    no_gain=(NOISE, "return image + noise", "gain"),
    gain_on_both=(NOISE, "return GAIN * (image + noise)", "level"),
    divides=(NOISE, "return image / GAIN + noise", "gain"),
    clips=(NOISE, "return np.clip(GAIN * image + noise, 0, 1)", "unclipped"),
    in_place=(NOISE, "image *= GAIN", "return image + noise", "intact"),
    adds_in_place=(NOISE, "image *= GAIN; image += noise", "return image", "intact"),
    multiplies=(NOISE, "return GAIN * image * (1 + noise)", "level unclipped"),
    no_noise=("return GAIN * image", "stream level unclipped seed"),
    another_camera=("return 0.7 * image + np.random.default_rng(seed).normal(0, 0.11, image.shape)", "level gain"),
    hard_coded=("return np.full((40, 40), GAIN * 0.5)", "stream level gain unclipped seed intact"),
) | {
    "one_generator": (
        "maker = None\ndef camera(image, seed):\n    global maker\n    maker = maker or np.random.default_rng(seed)\n"
        "    return GAIN * image + maker.normal(0, SIGMA, image.shape)",
        {"seed"},
    )
}
MUTANTS = {f"q{number}": mutants for number, mutants in enumerate((Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8), 1)}
