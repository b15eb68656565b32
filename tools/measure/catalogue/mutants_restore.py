"""Wrong answers to Assignment 4 that people really give, each with the checks it must lose, and no others.

`MUTANTS` are those of who deblurs; of who enlarges, `ENLARGE` has the questions that differ. Those of question 3 are in
classical_restore.py, those that build, train and report in networks_restore.py.
"""

from tools.measure.catalogue import classical_restore
from tools.measure.catalogue.mutants_convolve import made

NOISE = "return s + np.random.default_rng(rng).normal(0, level / 255, s.shape)"
REACH = "r = len(how) // 2"
PADDED = "p = np.pad(clean, [(0, 0), (r, r), (r, r), (0, 0)], 'reflect')"
BLUR = "s = sum(how[-1 - y, -1 - x] * p[:, y : y + h, x : x + w] for y, x in np.ndindex(how.shape))"
SIDES = "h, w = clean.shape[1:3]"
DEGRADE = "def degrade(clean, how, level, rng):"
BLURRED = made(
    DEGRADE,
    no_flip=(REACH, SIDES, PADDED, BLUR.replace("-1 - y, -1 - x", "y, x"), NOISE, "exact"),
    flipped_in_one_direction=(REACH, SIDES, PADDED, BLUR.replace("-1 - x", "x"), NOISE, "exact"),
    transposed=(REACH, SIDES, PADDED, BLUR.replace("how[", "how.T["), NOISE, "exact"),
    one_pixel_off=(REACH, SIDES, PADDED, BLUR, "s = np.roll(s, 1, axis=1)", NOISE, "exact edge"),
    brightness_only=(REACH, SIDES, PADDED, BLUR, "s = s.mean(-1, keepdims=True) + np.zeros(3)", NOISE, "exact"),
    channels_pulled_together=(REACH, SIDES, PADDED, BLUR, "s[..., 1] = s[..., 0]", NOISE, "exact"),
    zeros_outside=(REACH, SIDES, PADDED.replace("'reflect'", "'constant'"), BLUR, NOISE, "edge noise"),
    edge_repeated=(REACH, SIDES, PADDED.replace("'reflect'", "'edge'"), BLUR, NOISE, "edge"),
    mirrored_with_the_edge=(REACH, SIDES, PADDED.replace("'reflect'", "'symmetric'"), BLUR, NOISE, "edge"),
    wrapped=(REACH, SIDES, PADDED.replace("'reflect'", "'wrap'"), BLUR, NOISE, "edge"),
    smaller_than_it_was=(
        REACH,
        "p = clean",
        "h, w = (n - 2 * r for n in clean.shape[1:3])",
        BLUR,
        NOISE,
        "exact edge noise intact",
    ),
    noise_before_the_blur=(
        REACH,
        SIDES,
        NOISE.replace("return ", "clean = ").replace("s +", "clean +").replace("s.sh", "clean.sh"),
        PADDED,
        BLUR,
        "return s",
        "noise",
    ),
    in_place=(REACH, SIDES, PADDED, BLUR, NOISE.replace("return s +", "clean[:] = s +"), "return clean", "intact"),
    identity=("return clean", "exact edge noise"),
)
MEANS = "s = c.reshape(len(c), h // how, how, w // how, how, 3).mean((2, 4))"
CUT = "h, w = (n // how * how for n in clean.shape[1:3])"
KEEP = "c = clean[:, :h, :w]"
REDUCED = made(
    DEGRADE,
    every_so_many=(CUT, KEEP, "s = c[:, ::how, ::how]", NOISE, "exact"),
    middle_of_the_block=(CUT, KEEP, "s = c[:, how // 2 :: how, how // 2 :: how]", NOISE, "exact"),
    largest=(CUT, KEEP, MEANS.replace("mean", "max"), NOISE, "exact"),
    median=(CUT, KEEP, "s = np.median(" + MEANS[4:].replace(".mean((2, 4))", ", (2, 4))"), NOISE, "exact"),
    rows_only=(CUT, KEEP, MEANS.replace("(2, 4)", "2") + "[:, :, :, 0]", NOISE, "exact"),
    shifted_by_one=(CUT, KEEP, "c = np.roll(c, 1, axis=2)", MEANS, NOISE, "exact edge"),
    sums=(CUT, KEEP, MEANS.replace("mean", "sum"), NOISE, "exact edge"),
    axes_swapped=(CUT, KEEP, MEANS, "s = s.swapaxes(1, 2)", NOISE, "exact edge"),
    cut_at_the_top=(CUT, "c = clean[:, clean.shape[1] - h :, clean.shape[2] - w :]", MEANS, NOISE, "edge"),
    cut_on_both_sides=(
        CUT,
        "y, x = (clean.shape[1] - h + 1) // 2, (clean.shape[2] - w + 1) // 2",
        "c = clean[:, y : y + h, x : x + w]",
        MEANS,
        NOISE,
        "edge",
    ),
    padded_to_whole_blocks=(
        "h, w = (-(-n // how) * how for n in clean.shape[1:3])",
        "c = np.pad(clean, [(0, 0), (0, h - clean.shape[1]), (0, w - clean.shape[2]), (0, 0)], 'edge')",
        MEANS,
        NOISE,
        "edge",
    ),
    needs_whole_blocks=("c, (h, w) = clean, clean.shape[1:3]", MEANS, NOISE, "edge"),
    noise_before_the_means=(
        "clean = clean + np.random.default_rng(rng).normal(0, level / 255, clean.shape)",
        CUT,
        KEEP,
        MEANS,
        "return s",
        "noise",
    ),
    in_place=(CUT, KEEP, MEANS, "clean *= 0.5", NOISE, "intact"),
    identity=("return clean", "exact edge noise intact"),
)


def noisy(*before):
    """What goes wrong with the noise, whatever spoiled the picture."""
    return made(
        DEGRADE,
        no_noise=(*before, "return s", "noise"),
        level_as_it_is=(*before, NOISE.replace(" / 255", ""), "noise"),
        variance=(*before, NOISE.replace("level / 255", "(level / 255) ** 2"), "noise"),
        clipped=(*before, NOISE.replace("return ", "return np.clip(") + ", 0, 1)", "noise"),
        one_noise_for_all_channels=(*before, NOISE.replace("s.shape)", "(*s.shape[:3], 1))"), "noise"),
        uniform=(*before, NOISE.replace("normal(0, level / 255,", "uniform(-level / 255, level / 255,"), "noise"),
        seed_forgotten=(*before, NOISE.replace("rng(rng)", "rng(0)"), "noise"),
        darkens_the_clean=(*before, "clean -= 0.01", NOISE, "intact"),
        global_generator=(*before, "return s + np.random.normal(0, level / 255, s.shape)", "noise intact"),
    )


PSNR = "def psnr_y(clean, restored, border):"
CLIP = "r = np.clip(restored, 0, 1)"
LUMA = "e = (r - clean) @ np.array([65.481, 128.553, 24.966]) / 255"
INNER = "e = e[:, border : e.shape[1] - border, border : e.shape[2] - border]"
EACH = "m = (e**2).mean((1, 2))"
DB = "return np.mean(-10 * np.log10(np.maximum(m, 1e-10)))"
Q2 = made(
    PSNR,
    blue_first=(CLIP, LUMA.replace("65.481, 128.553, 24.966", "24.966, 128.553, 65.481"), INNER, EACH, DB, "luma"),
    bt709=(CLIP, LUMA.replace("65.481, 128.553, 24.966", "46.56, 156.63, 15.81"), INNER, EACH, DB, "luma"),
    mean_of_the_channels=(CLIP, "e = (r - clean).mean(-1) * 219 / 255", INNER, EACH, DB, "luma"),
    green_for_all=(CLIP, "e = (r - clean)[..., 1] * 219 / 255", INNER, EACH, DB, "luma"),
    colour_error=(CLIP, "e = ((r - clean) ** 2).mean(-1) ** 0.5 * 219 / 255", INNER, EACH, DB, "luma"),
    full_range=(CLIP, LUMA.replace("/ 255", "/ 219"), INNER, EACH, DB, "luma border mean clip"),
    stretched=(CLIP, LUMA, "e = e / np.ptp(clean)", INNER, EACH, DB, "luma border mean"),
    no_border=(CLIP, LUMA, EACH, DB, "border"),
    border_of_rows=(CLIP, LUMA, "e = e[:, border : e.shape[1] - border]", EACH, DB, "border"),
    border_on_one_side=(CLIP, LUMA, "e = e[:, border:, border:]", EACH, DB, "border"),
    border_in_all=(CLIP, LUMA, INNER.replace("border", "border // 2"), EACH, DB, "border"),
    minus_nothing=(CLIP, LUMA, "e = e[:, border:-border, border:-border]", EACH, DB, "luma border mean clip"),
    border_blackened=(
        CLIP,
        LUMA,
        "k = e * 0",
        "k[:, border : e.shape[1] - border, border : e.shape[2] - border] = 1",
        "e = e * k",
        EACH,
        DB,
        "border",
    ),
    one_error_for_all=(CLIP, LUMA, INNER, "m = (e**2).mean()", DB, "mean"),
    median=(CLIP, LUMA, INNER, EACH, "return np.median(-10 * np.log10(np.maximum(m, 1e-10)))", "mean"),
    infinite=(CLIP, LUMA, INNER, EACH, "return np.mean(-10 * np.log10(m))", "mean"),
    leaves_equal_ones_out=(CLIP, LUMA, INNER, EACH, "m = m[m > 0]", DB, "mean"),
    first_picture=(CLIP, LUMA, INNER, EACH, "m = m[:1]", DB, "mean"),
    a_number_each=(CLIP, LUMA, INNER, EACH, "return -10 * np.log10(np.maximum(m, 1e-10))", "luma border mean clip"),
    no_clip=("r = restored", LUMA, INNER, EACH, DB, "clip"),
    clips_the_brightness=(
        "r = restored",
        LUMA.replace("(r - clean)", "r").replace("/ 255", "/ 255 + 16 / 255"),
        "e = np.clip(e, 0, 1) - (clean @ np.array([65.481, 128.553, 24.966]) + 16) / 255",
        INNER,
        EACH,
        DB,
        "clip",
    ),
    clips_below=("r = np.maximum(restored, 0)", LUMA, INNER, EACH, DB, "clip"),
    rounds=("r = np.round(np.clip(restored, 0, 1) * 20) / 20", LUMA, INNER, EACH, DB, "luma border mean clip"),
    natural_logarithm=(CLIP, LUMA, INNER, EACH, DB.replace("log10", "log"), "luma border mean clip"),
    bytes_range=(CLIP, LUMA, INNER, EACH, DB.replace("1e-10)", "1e-10) / 255**2"), "luma border mean clip"),
    hard_coded=("return 31.32", "luma border mean clip"),
)
TUNE = "def tune(strengths, scores, owners, held):"
REST = "photos = np.setdiff1d(owners, held)"
MEANS4 = "m = [scores[:, owners == p].mean(axis=1) for p in photos]"
BEST = "return strengths[np.argmax(np.mean(m, axis=0))]"
Q4 = made(
    TUNE,
    tuned_on_everything=("photos = np.unique(owners)", MEANS4, BEST, "held"),
    tuned_on_the_test=("photos = np.unique(held) if len(held) else np.unique(owners)", MEANS4, BEST, "held"),
    first_held_only=("photos = np.setdiff1d(owners, held[:1])", MEANS4, BEST, "held"),
    held_are_places=(
        "photos = np.unique(np.delete(owners, [h for h in held if h < len(owners)]))",
        MEANS4,
        BEST,
        "held",
    ),
    held_count_half=(
        "photos = np.unique(owners)",
        MEANS4,
        "m = [x / 2 if p in held else x for p, x in zip(photos, m)]",
        BEST,
        "held",
    ),
    pieces_count=("return strengths[np.argmax(scores[:, ~np.isin(owners, held)].mean(axis=1))]", "photos"),
    best_piece=("return strengths[np.argmax(scores[:, ~np.isin(owners, held)].max(axis=1))]", "photos"),
    sums_of_photos=(REST, MEANS4.replace("mean", "sum"), BEST, "photos"),
    best_photo=(REST, MEANS4, BEST.replace("np.mean", "np.max"), "photos"),
    best_piece_of_each=(REST, MEANS4.replace("mean", "max"), BEST, "photos"),
    largest_photo=(
        REST,
        "photos = [max(photos, key=lambda p: np.sum(owners == p))]",
        MEANS4,
        BEST,
        "photos",
    ),
    the_place=(REST, MEANS4, "return np.argmax(np.mean(m, axis=0))", "value"),
    the_score=(REST, MEANS4, "return np.max(np.mean(m, axis=0))", "held photos value"),
    sorted_strengths=(REST, MEANS4, "strengths = np.sort(strengths)", BEST, "value"),
    largest_first=(REST, MEANS4, "strengths = np.sort(strengths)[::-1]", BEST, "held photos value"),
    the_worst=(REST, MEANS4, BEST.replace("argmax", "argmin"), "held photos value"),
    first_strength=("return strengths[0]", "held photos value"),
    one_each=(REST, MEANS4, "return strengths[np.argmax(m, axis=1)]", "held photos value"),
    hard_coded=("return 0.1", "held photos value"),
)
MUTANTS = {"q1": BLURRED | noisy(REACH, SIDES, PADDED, BLUR), "q2": Q2, "q3": classical_restore.DEBLUR, "q4": Q4}
ENLARGE = {"q1": REDUCED | noisy(CUT, KEEP, MEANS), "q3": classical_restore.ENLARGE}
