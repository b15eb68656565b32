"""Wrong answers to Assignment 3 that people really give, each with the checks it must lose, and no others.

Those that build networks are in networks_denoise.py.
"""

from tools.measure.catalogue.mutants_convolve import made

DRAW = "rng = np.random.default_rng(rng)"
Q1 = made(
    "def add_noise(clean, level, rng):",
    global_stream=("return clean + np.random.RandomState(rng).normal(0, level / 255, clean.shape)", "drawn"),
    seed_forgotten=("return clean + np.random.default_rng(0).normal(0, level / 255, clean.shape)", "drawn"),
    uniform=(DRAW, "return clean + rng.uniform(-1, 1, clean.shape) * 3**0.5 * level / 255", "drawn"),
    one_noise_for_all=(DRAW, "return clean + rng.normal(0, level / 255, clean.shape[1:])", "drawn"),
    picture_by_picture=(
        "rngs = [np.random.default_rng(rng) for _ in clean]",
        "return np.stack([c + r.normal(0, level / 255, c.shape) for c, r in zip(clean, rngs)])",
        "drawn",
    ),
    level_as_it_is=(DRAW, "return clean + rng.normal(0, level, clean.shape)", "level"),
    level_in_percent=(DRAW, "return clean + rng.normal(0, level / 100, clean.shape)", "level"),
    variance=(DRAW, "return clean + rng.normal(0, (level / 255) ** 2, clean.shape)", "level"),
    variance_as_level=(DRAW, "return clean + rng.normal(0, (level / 255) ** 0.5, clean.shape)", "level"),
    clips=(DRAW, "return np.clip(clean + rng.normal(0, level / 255, clean.shape), 0, 1)", "free"),
    clips_below=(DRAW, "return np.maximum(clean + rng.normal(0, level / 255, clean.shape), 0)", "free"),
    reflects_at_black=(DRAW, "return np.abs(clean + rng.normal(0, level / 255, clean.shape))", "free"),
    in_place=(DRAW, "clean += rng.normal(0, level / 255, clean.shape)", "return clean", "intact"),
    multiplies=(DRAW, "return clean * (1 + rng.normal(0, level / 255, clean.shape))", "level free"),
    brightens=(DRAW, "return clean + np.abs(rng.normal(0, level / 255, clean.shape))", "drawn level free"),
    noise_alone=(DRAW, "return rng.normal(0, level / 255, clean.shape)", "free"),
    no_noise=("return clean", "drawn level free"),
)
CLIP = "r = np.clip(restored, 0, 1)"
EACH = "e = ((r - clean) ** 2).reshape(len(clean), -1).mean(axis=1)"
DB = "return np.mean(-10 * np.log10(np.maximum(e, 1e-10)))"
Q2 = made(
    "def mean_psnr(clean, restored):",
    range_of_bytes=(
        CLIP,
        EACH,
        "return np.mean(np.minimum(100, 10 * np.log10(255**2 / np.maximum(e, 1e-10))))",
        "range mean clip",
    ),
    range_of_the_pictures=(
        CLIP,
        EACH,
        "top = clean.max() if 0 < clean.max() and np.any(e) else 1",
        "return np.mean(10 * np.log10(top**2 / np.maximum(e, 1e-10)))",
        "range",
    ),
    one_error_for_all=(CLIP, "e = np.mean((r - clean) ** 2)", DB, "mean"),
    rows_for_pictures=(CLIP, "e = ((r - clean) ** 2).mean(axis=(2, 3))", DB, "range mean clip"),
    channel_by_channel=(CLIP, "e = ((r - clean) ** 2).mean(axis=(1, 2))", DB, "mean"),
    first_picture=(CLIP, EACH, "e = e[:1]", DB, "mean"),
    median=(CLIP, EACH, "return np.median(-10 * np.log10(np.maximum(e, 1e-10)))", "mean"),
    no_clip=("r = restored", EACH, DB, "clip"),
    clips_the_error=("r = clean + np.clip(restored - clean, 0, 1)", EACH, DB, "clip"),
    stretches=("r = (restored - restored.min()) / np.ptp(restored)", EACH, DB, "range clip equal"),
    rounds_to_bytes=("r = np.round(np.clip(restored, 0, 1) * 20) / 20", EACH, DB, "range mean clip equal"),
    infinite=(CLIP, EACH, "return np.mean(-10 * np.log10(e))", "equal"),
    zero_for_equal=(CLIP, EACH, "return np.mean(np.where(e > 0, -10 * np.log10(np.maximum(e, 1e-99)), 0))", "equal"),
    at_most_60=(CLIP, EACH, "return np.mean(-10 * np.log10(np.maximum(e, 1e-6)))", "equal"),
    natural_logarithm=(CLIP, EACH, "return np.mean(-10 * np.log(np.maximum(e, 1e-10)))", "range mean clip equal"),
    twenty=(CLIP, EACH, "return np.mean(np.minimum(100, -20 * np.log10(np.maximum(e, 1e-10))))", "range mean clip"),
    absolute=(CLIP, EACH.replace("(r - clean) ** 2", "abs(r - clean)"), DB, "range mean clip"),
    no_minus=(CLIP, EACH, "return np.mean(10 * np.log10(np.maximum(e, 1e-10)))", "range mean clip equal"),
    a_number_each=(CLIP, EACH, "return -10 * np.log10(np.maximum(e, 1e-10))", "range mean clip equal"),
    hard_coded=("return 30.0", "range mean clip equal"),
)
SHAPE = "n, h, w, _ = photos.shape"
DRAWN = "p, y, x = (rng.integers(m, size=count) for m in (n, h - size + 1, w - size + 1))"
STACK = "return np.stack([photos[a, b : b + size, c : c + size] for a, b, c in zip(p, y, x)])"
Q3 = made(
    "def cut(photos, size, count, rng):",
    last_place_missing=(DRAW, SHAPE, DRAWN.replace(" + 1", ""), STACK, "edge"),
    first_place_missing=(
        DRAW,
        SHAPE,
        DRAWN.replace("integers(m", "integers(1, m"),
        STACK,
        "edge",
    ),
    rows_of_the_middle=(DRAW, SHAPE, DRAWN.replace("h - size + 1", "h - size"), STACK, "edge"),
    square_photos=(DRAW, SHAPE, "w = min(h, w)", DRAWN, STACK, "edge"),
    runs_over_the_edge=(
        DRAW,
        SHAPE,
        "photos = np.pad(photos, [(0, 0), (0, size), (0, size), (0, 0)], 'wrap')",
        DRAWN.replace(" - size + 1", ""),
        STACK,
        "square",
    ),
    transposed=(DRAW, SHAPE, DRAWN, STACK.replace("c + size]", "c + size].swapaxes(0, 1)"), "square"),
    mirrored=(DRAW, SHAPE, DRAWN, STACK.replace("c + size]", "c + size][:, ::-1]"), "square edge"),
    rows_twice=(
        DRAW,
        SHAPE,
        DRAWN,
        STACK.replace("c + size]", "c + size].repeat(2, 0)[:size]"),
        "square",
    ),
    mixes_photos=(
        DRAW,
        SHAPE,
        DRAWN,
        "z = p[::-1]",
        "top, rest = ([photos[a, b : b + size, c : c + size] for a, b, c in zip(q, y, x)] for q in (p, z))",
        "return np.concatenate([np.stack(top)[:, :2], np.stack(rest)[:, 2:]], axis=1)",
        "square",
    ),
    one_place_for_all=(DRAW, SHAPE, DRAWN, "y, x = np.full(count, y[0]), np.full(count, x[0])", STACK, "edge free"),
    one_photo=(DRAW, SHAPE, DRAWN, "p = p * 0", STACK, "free"),
    on_the_diagonal=(DRAW, SHAPE, DRAWN, "x = y * (w - size) // (h - size)", STACK, "free"),
    photo_by_photo=(DRAW, SHAPE, DRAWN, "y, x = y[p], x[p]", STACK, "edge free"),
    a_grid=(
        SHAPE,
        "grid = n, h - size + 1, w - size + 1",
        "p, y, x = np.unravel_index(np.arange(count) % np.prod(grid), grid)",
        STACK,
        "seed",
    ),
    no_seed=("rng = np.random.default_rng()", SHAPE, DRAWN, STACK, "seed"),
    seed_is_0=("rng = np.random.default_rng(0)", SHAPE, DRAWN, STACK, "seed"),
    first_corner=("return np.stack([photos[n % len(photos), :size, :size] for n in range(count)])", "edge free seed"),
    whole_photos=("return photos[np.arange(count) % len(photos)]", "square edge free seed"),
)
PHOTOS = "photos = np.unique(owners)"
COUNT = "k = max(1, round(share * len(photos)))"
CHOOSE = "chosen = rng.choice(photos, k, replace=False)"
IN = "return np.isin(owners, chosen)"
Q4 = made(
    "def validation(owners, share, rng):",
    patches=(DRAW, "return rng.random(len(owners)) < share", "leak share"),
    one_in_so_many=("return np.arange(len(owners)) % round(1 / share) == 0", "leak share drawn"),
    last_patches=("return np.arange(len(owners)) >= (1 - share) * len(owners)", "leak share drawn"),
    keeps_one_to_train=(
        DRAW,
        PHOTOS,
        COUNT,
        CHOOSE,
        "answer = np.isin(owners, chosen)",
        "for photo in chosen: answer[np.argmax(owners == photo)] = False",
        "return answer",
        "leak",
    ),
    rounds_down=(DRAW, PHOTOS, COUNT.replace("round", "int"), CHOOSE, IN, "share"),
    none_for_small_shares=(DRAW, PHOTOS, "k = round(share * len(photos))", CHOOSE, IN, "share"),
    share_that_trains=(DRAW, PHOTOS, COUNT.replace("share *", "(1 - share) *"), CHOOSE, IN, "share"),
    share_of_patches=(DRAW, PHOTOS, "k = max(1, round(share * len(owners)) // 4)", CHOOSE, IN, "share"),
    drawn_twice=(DRAW, PHOTOS, COUNT, "chosen = rng.choice(photos, k)", IN, "share"),
    chosen_by_patches=(DRAW, PHOTOS, COUNT, "chosen = rng.choice(owners, k)", IN, "share"),
    first_photos=(PHOTOS, COUNT, "chosen = photos[:k]", IN, "drawn"),
    last_photos=(PHOTOS, COUNT, "chosen = photos[-k:]", IN, "drawn"),
    seed_is_0=(PHOTOS, COUNT, "chosen = np.random.default_rng(0).choice(photos, k, replace=False)", IN, "drawn"),
    never_the_first=(DRAW, PHOTOS, COUNT, "chosen = rng.choice(photos[1:], k, replace=False)", IN, "drawn"),
    no_seed=("rng = np.random.default_rng()", PHOTOS, COUNT, CHOOSE, IN, "seed"),
    global_seed=("rng = np.random", PHOTOS, COUNT, CHOOSE, IN, "seed"),
    the_training_side=(DRAW, PHOTOS, COUNT, CHOOSE, "return ~np.isin(owners, chosen)", "share"),
    all_of_them=("return np.ones(len(owners), bool)", "leak share drawn"),
)
EIGHT = "eight = [v for n in range(4) for t in [np.rot90(train, n, axes=(1, 2))] for v in (t, t[:, :, ::-1])]"
APART = "apart = np.stack([np.abs(v[None] - test[:, None]).mean(axis=(2, 3, 4)) for v in eight])"
FOUND = "return (apart <= tolerance).any(axis=(0, 2))"
Q5 = made(
    "def leaked(train, test, tolerance):",
    as_it_is_only=("eight = [train]", APART, FOUND, "turned"),
    mirrored_only=("eight = [train, train[:, ::-1], train[:, :, ::-1]]", APART, FOUND, "turned"),
    turned_only=("eight = [np.rot90(train, n, axes=(1, 2)) for n in range(4)]", APART, FOUND, "turned"),
    half_turns_only=(
        "eight = [train, train[:, ::-1], train[:, :, ::-1], train[:, ::-1, ::-1]]",
        APART,
        FOUND,
        "turned",
    ),
    exact=(EIGHT, APART, "return (apart == 0).any(axis=(0, 2))", "near"),
    largest_difference=(EIGHT, APART.replace("mean(", "max("), FOUND, "near"),
    sum_of_differences=(EIGHT, APART.replace("mean(", "sum("), FOUND, "near"),
    squares=(
        EIGHT,
        APART.replace("np.abs(v[None] - test[:, None])", "((v[None] - test[:, None]) ** 2)"),
        FOUND,
        "near",
    ),
    root_of_squares=(
        EIGHT,
        "apart = np.stack([((v[None] - test[:, None]) ** 2).mean(axis=(2, 3, 4)) ** 0.5 for v in eight])",
        FOUND,
        "near",
    ),
    brightness=(
        EIGHT,
        "apart = np.stack([np.abs((v[None] - test[:, None]).mean(axis=(2, 3, 4))) for v in eight])",
        FOUND,
        "turned near innocent",
    ),
    sorted_grays=(
        "a, b = (np.sort(x.reshape(len(x), -1)) for x in (train, test))",
        "return (np.abs(a[None] - b[:, None]).mean(axis=2) <= tolerance).any(axis=1)",
        "innocent",
    ),
    any_shift=(
        EIGHT,
        "eight += [np.roll(train, n, axis=1) for n in range(train.shape[1])]",
        APART,
        FOUND,
        "innocent",
    ),
    any_pixel=(EIGHT, APART.replace("mean(", "min("), FOUND, "turned near innocent"),
    first_training_picture=("train = train[:1]", EIGHT, APART, FOUND, "turned near"),
    the_same_place=(
        "n = min(len(train), len(test))",
        "return np.pad(np.abs(train[:n] - test[:n]).mean(axis=(1, 2, 3)) <= tolerance, (0, len(test) - n))",
        "turned",
    ),
    all_pairs=(EIGHT, APART, "return (apart <= tolerance).any(axis=0)", "turned near innocent"),
    how_many=(EIGHT, APART, "return (apart <= tolerance).any(axis=(0, 2)).mean()", "turned near innocent"),
    of_the_training_set=(EIGHT, APART, "return (apart <= tolerance).any(axis=(0, 1))", "turned near innocent"),
    none=("return np.zeros(len(test), bool)", "turned near"),
    all_leaked=("return np.ones(len(test), bool)", "turned near innocent"),
)
MUTANTS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5}
