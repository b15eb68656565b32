"""Wrong answers to Assignment 2 that people really give, each with the checks it must lose, and no others.

Those that build networks are in networks_compress.py.
"""

from tools.measure.catalogue.mutants_convolve import made

Q1 = made(
    "def times_smaller(height, width, channels, code, bits):",
    rounds_down=("return height * width * channels * 8 // (code * bits)", "ratio"),
    rounds=("return round(height * width * channels * 8 / (code * bits))", "ratio"),
    counts_pixels=("return height * width * 8 / (code * bits)", "channels"),
    colours_the_code=("return height * width * 8 / (code * bits)", "channels"),
    counts_numbers=("return height * width * channels / code", "bits"),
    bits_upside_down=("return height * width * channels * bits / (code * 8)", "bits"),
    pictures_are_float32=("return height * width * channels * 32 / (code * bits)", "ratio channels bits"),
    upside_down=("return code * bits / (height * width * channels * 8)", "ratio channels bits"),
    in_percent=("return 100 * code * bits / (height * width * channels * 8)", "ratio channels bits"),
    saved=("return 1 - code * bits / (height * width * channels * 8)", "ratio channels bits"),
    square=("return height * height * channels * 8 / (code * bits)", "ratio channels bits"),
    adds_the_sides=("return (height + width) * channels * 8 / (code * bits)", "ratio channels bits"),
    hard_coded=("return 16", "ratio channels bits"),
)
ROWS = "rows = (pictures - pictures.mean(axis=0)).reshape(len(pictures), -1)"
SVD = "u, s, v = np.linalg.svd(rows, full_matrices=False)"
Q2 = made(
    "def directions(pictures, k):",
    not_centred=("rows = pictures.reshape(len(pictures), -1)", SVD, "return v[:k]", "mean"),
    gray_level_centred=("rows = (pictures - pictures.mean()).reshape(len(pictures), -1)", SVD, "return v[:k]", "mean"),
    each_centred=(
        "rows = (pictures - pictures.mean(axis=(1, 2), keepdims=True)).reshape(len(pictures), -1)",
        "rows = rows + pictures.mean()",
        SVD,
        "return v[:k]",
        "space mean",
    ),
    scaled=(ROWS, SVD, "return s[:k, None] * v[:k]", "length"),
    divided=(ROWS, SVD, "return v[:k] / np.sqrt(len(pictures))", "length"),
    not_orthogonal=(ROWS, SVD, "v[1] += v[0]", "return v[:k]", "length"),
    columns=(ROWS, "v = np.linalg.svd(rows)[2]", "return v[:, :k].T", "space mean"),
    weaker_ones=(ROWS, SVD, "return v[2 : 2 + k]", "space"),
    rows_of_eigenvectors=(ROWS, "return np.linalg.eigh(rows.T @ rows)[1][:k]", "space mean"),
    skips_the_first=(ROWS, SVD, "return v[1 : k + 1]", "space"),
    standardised=(ROWS, "rows = rows / rows.std(axis=0)", SVD, "return v[:k]", "space mean"),
    of_the_pictures=(ROWS, SVD, "return u[:, :k].T", "space length mean"),
    one_too_few=(ROWS, SVD, "return v[: k - 1]", "space length mean"),
    the_first_pictures=("return pictures[:k].reshape(k, -1)", "space length mean"),
    the_first_pixels=("return np.eye(pictures[0].size)[-k:]", "space mean"),
)
CODE = "code = (pictures - mean).reshape(len(pictures), -1) @ basis.T"
Q3 = made(
    "def through(pictures, mean, basis):",
    mean_not_taken_away=(
        "code = pictures.reshape(len(pictures), -1) @ basis.T",
        "return (code @ basis).reshape(pictures.shape) + mean",
        "mean",
    ),
    mean_not_added=(CODE, "return (code @ basis).reshape(pictures.shape)", "mean"),
    no_mean_at_all=(
        "code = pictures.reshape(len(pictures), -1) @ basis.T",
        "return (code @ basis).reshape(pictures.shape)",
        "mean",
    ),
    own_mean=(
        "mean = pictures.mean(axis=0)",
        CODE,
        "return (code @ basis).reshape(pictures.shape) + mean",
        "picture mean",
    ),
    mean_added_twice=(CODE, "return (code @ basis).reshape(pictures.shape) + 2 * mean", "mean"),
    clips=(CODE, "return np.clip((code @ basis).reshape(pictures.shape) + mean, 0, 1)", "picture"),
    positive_codes=(
        CODE,
        "code = np.maximum(code, 0)",
        "return (code @ basis).reshape(pictures.shape) + mean",
        "picture mean",
    ),
    in_place=(
        "pictures -= mean",
        "code = pictures.reshape(len(pictures), -1) @ basis.T",
        "return (code @ basis).reshape(pictures.shape) + mean",
        "intact",
    ),
    writes_into_them=(
        CODE,
        "pictures[:] = (code @ basis).reshape(pictures.shape) + mean * 0.999",
        "return pictures",
        "mean intact",
    ),
    axes_in_another_order=(
        "code = (pictures - mean).reshape(len(pictures), -1, order='F') @ basis.T",
        "return (code @ basis).reshape(pictures.shape, order='F') + mean",
        "picture mean",
    ),
    the_code_alone=(CODE, "return code", "picture mean intact"),
    rows_for_pictures=(CODE, "return code @ basis + mean.ravel()", "picture mean intact"),
    whole_codes=(CODE, "return (np.round(code) @ basis).reshape(pictures.shape) + mean", "picture mean"),
    drops_the_last=(CODE, "return (code[:, :-1] @ basis[:-1]).reshape(pictures.shape) + mean", "picture mean"),
    identity=("return pictures", "picture mean"),
)
P = "p = np.clip(restored, 1e-7, 1 - 1e-7)"
Q4 = made(
    "def cross_entropy(clean, restored):",
    labels=(P, "return -np.mean(np.where(clean > 0.5, np.log(p), np.log(1 - p)))", "gray"),
    rounds_the_target=(P, "t = np.round(clean)", "return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))", "gray"),
    no_clipping=("p = restored", "return -np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p))", "sure"),
    clips_much=(
        "p = np.clip(restored, 1e-2, 1 - 1e-2)",
        "return -np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p))",
        "sure",
    ),
    clips_below_only=(
        "p = np.maximum(restored, 1e-7)",
        "return -np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p))",
        "sure",
    ),
    nan_is_zero=(
        "p = restored",
        "return -np.mean(np.nan_to_num(clean * np.log(p) + (1 - clean) * np.log(1 - p), neginf=0))",
        "sure",
    ),
    first_picture=(P, "return -np.mean((clean * np.log(p) + (1 - clean) * np.log(1 - p))[0])", ["mean", "sure"][0]),
    sum_over_pictures=(
        P,
        "return -np.sum(np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p), axis=(1, 2, 3)))",
        "mean",
    ),
    sum=(P, "return -np.sum(clean * np.log(p) + (1 - clean) * np.log(1 - p))", "gray sure mean"),
    first_term=(P, "return -np.mean(clean * np.log(p))", "gray sure mean"),
    bits=(P, "return -np.mean(clean * np.log2(p) + (1 - clean) * np.log2(1 - p))", "gray sure mean"),
    no_minus=(P, "return np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p))", "gray sure mean"),
    arguments_swapped=(
        "q = np.clip(clean, 1e-7, 1 - 1e-7)",
        "return -np.mean(restored * np.log(q) + (1 - restored) * np.log(1 - q))",
        "gray mean",
    ),
    divergence=(P, "t = np.clip(clean, 1e-7, 1)", "return np.mean(t * np.log(t / p))", "gray sure mean"),
    squares=("return np.mean((clean - restored) ** 2)", "gray sure mean"),
    a_number_each=(P, "return -np.mean(clean * np.log(p) + (1 - clean) * np.log(1 - p), axis=-1)", "gray sure mean"),
    hard_coded=("return np.log(2)", "gray sure mean"),
)
SIZE = "(h, w), (r, c) = image.shape, kernel.shape"
EMPTY = "out = np.zeros(((h - 1) * stride + r, (w - 1) * stride + c))"
EACH = "for y, x in np.ndindex(h, w):"
PUT = "out[y * stride : y * stride + r, x * stride : x * stride + c]"
Q5 = made(
    "def scatter(image, kernel, stride):",
    overwrites=(SIZE, EMPTY, f"{EACH} {PUT} = image[y, x] * kernel", "return out", "overlap"),
    keeps_the_largest=(
        SIZE,
        EMPTY,
        f"{EACH} {PUT} = np.where(abs({PUT}) > abs(image[y, x] * kernel), {PUT}, image[y, x] * kernel)",
        "return out",
        "overlap",
    ),
    averages=(
        SIZE,
        EMPTY,
        "n = out.copy()",
        f"{EACH} {PUT} += image[y, x] * kernel",
        f"{EACH} {PUT.replace('out', 'n')} += 1",
        "return out / np.maximum(n, 1)",
        "overlap",
    ),
    clips=(SIZE, EMPTY, f"{EACH} {PUT} += image[y, x] * kernel", "return np.maximum(out, 0)", "sign"),
    absolute=(SIZE, EMPTY, f"{EACH} {PUT} += abs(image[y, x] * kernel)", "return out", "sign"),
    mirrors=(
        SIZE,
        EMPTY,
        f"{EACH} {PUT} += image[y, x] * kernel[::-1, ::-1]",
        "return out",
        "sign overlap oblong gap whole",
    ),
    transposes=(SIZE, EMPTY, f"{EACH} {PUT} += image[y, x] * kernel.T", "return out", "sign overlap oblong gap whole"),
    square=(SIZE, "c = r", EMPTY, f"{EACH} {PUT} += image[y, x] * kernel", "return out", "oblong"),
    like_the_image=(
        SIZE,
        "out = np.zeros(((h - 1) * stride + r, (w - 1) * stride + c), image.dtype)",
        f"{EACH} {PUT} += (image[y, x] * kernel).astype(out.dtype)",
        "return out",
        "whole",
    ),
    rounds=(
        SIZE,
        EMPTY,
        f"{EACH} {PUT} += image[y, x] * kernel",
        "return np.round(out) if image.dtype.kind == 'i' else out",
        "whole",
    ),
    closes_gaps=(
        SIZE,
        "stride = min(stride, max(r, c))",
        EMPTY,
        f"{EACH} {PUT} += image[y, x] * kernel",
        "return out",
        "gap",
    ),
    repeats_into_gaps=(
        SIZE,
        "kernel = np.pad(kernel, [(0, max(0, stride - max(r, c)))] * 2, 'edge')",
        EMPTY,
        f"{EACH} {PUT} += (image[y, x] * kernel)[:r, :c]",
        "out[out == 0] = out.max() if stride > max(r, c) else 0",
        "return out",
        "gap",
    ),
    times_the_stride=(
        SIZE,
        EMPTY,
        f"{EACH} {PUT} += image[y, x] * kernel",
        "return np.pad(out, [(0, h * stride - out.shape[0]), (0, w * stride - out.shape[1])])",
        "overlap oblong gap",
    ),
    gathers=(
        SIZE,
        "out = np.zeros(((h - r) // stride + 1, (w - c) // stride + 1))",
        "windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]",
        "out += (windows * kernel).sum(axis=(2, 3))",
        "return out",
        "sign overlap oblong gap whole",
    ),
    nearest=(SIZE, "return image.repeat(stride, 0).repeat(stride, 1)", "sign overlap oblong gap whole"),
    identity=("return image", "sign overlap oblong gap whole"),
)
HEAD = "(n, h, w, i), (k, _, o, _) = batch.shape, weights.shape"
WHOLE = "out = np.zeros((n, (h - 1) * stride + k, (w - 1) * stride + k, o))"
LOOP = "for y, x in np.ndindex(k, k): out[:, y : y + h * stride : stride, x : x + w * stride : stride] += {}"
ADD = LOOP.format("batch @ weights[y, x].T")
CUT = "a = (k - stride) // 2; out = out[:, a : a + h * stride, a : a + w * stride]"
Q6 = made(
    "def conv_transpose(batch, weights, bias, stride):",
    inputs_first=(
        HEAD,
        WHOLE,
        LOOP.format("batch @ weights[y, x].reshape(o, i).T.reshape(o, i).T"),
        CUT,
        "return out + bias",
        "channels",
    ),
    inputs_averaged=(HEAD, WHOLE, ADD, CUT, "return out / i + bias", "channels"),
    first_input_only=(
        HEAD,
        WHOLE,
        LOOP.format("batch[..., :1] @ weights[y, x, :, :1].T"),
        CUT,
        "return out + bias",
        "channels",
    ),
    one_output_for_all=(
        HEAD,
        WHOLE,
        LOOP.format("batch @ weights[y, x, :1].T"),
        CUT,
        "return out + bias",
        "channels bias",
    ),
    odd_row_on_top=(HEAD, WHOLE, ADD, CUT.replace("(k - stride)", "(k - stride + 1)"), "return out + bias", "border"),
    cuts_below_only=(HEAD, WHOLE, ADD, "out = out[:, : h * stride, : w * stride]", "return out + bias", "border"),
    cuts_nothing=(HEAD, WHOLE, ADD, "return out + bias", "border"),
    no_bias=(HEAD, WHOLE, ADD, CUT, "return out", "bias"),
    bias_with_each_copy=(HEAD, WHOLE, ADD.replace(".T", ".T + bias"), CUT, "return out + bias", "bias"),
    bias_once_in_all=(HEAD, WHOLE, ADD, CUT, "return out + bias.sum()", "bias"),
    subtracts_the_bias=(HEAD, WHOLE, ADD, CUT, "return out - bias", "bias"),
    relu=(HEAD, WHOLE, ADD, CUT, "return np.maximum(out + bias, 0)", "channels border bias batch"),
    first_picture_for_all=(
        "batch = np.broadcast_to(batch[:1], batch.shape)",
        HEAD,
        WHOLE,
        ADD,
        CUT,
        "return out + bias",
        "batch",
    ),
    first_picture=("batch = batch[:1]", HEAD, WHOLE, ADD, CUT, "return out + bias", "batch"),
    sums_the_batch=(
        HEAD,
        WHOLE,
        ADD,
        CUT,
        "return out.sum(axis=0, keepdims=True) + np.zeros((n, 1, 1, 1)) + bias",
        "batch",
    ),
    mirrors=(
        HEAD,
        WHOLE,
        ADD.replace("[y, x]", "[k - 1 - y, k - 1 - x]"),
        CUT,
        "return out + bias",
        "channels border bias batch",
    ),
    overwrites=(HEAD, WHOLE, ADD.replace("+=", "="), CUT, "return out + bias", "border"),
    nearest=(HEAD, "return batch.repeat(stride, 1).repeat(stride, 2)[..., :1] + bias", "channels border bias batch"),
)
MUTANTS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
