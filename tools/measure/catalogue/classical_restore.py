"""Wrong ways back, question 3 of Assignment 4: Wiener's filters and bicubic enlargements, with what they must lose."""

from tools.measure.catalogue.mutants_convolve import made

CLASSICAL = "def classical(spoiled, how, strength):"
MIRROR = "p = np.pad(spoiled, [(0, 0), (PAD, PAD), (PAD, PAD), (0, 0)], 'reflect')"
KERNEL = "k = np.zeros(p.shape[1:3]); k[: len(how), : len(how)] = how"
PLACE = "k = np.roll(k, (-(len(how) // 2),) * 2, (0, 1))"
SPECTRA = "H, G = np.fft.fft2(k)[..., None], np.fft.fft2(p, axes=(1, 2))"
WIENER = "f = np.conj(H) * G / (np.abs(H) ** 2 + strength)"
BACK = "return np.fft.ifft2(f, axes=(1, 2)).real[:, PAD:-PAD, PAD:-PAD]"
DEBLUR = made(
    CLASSICAL,
    kernel_in_the_corner=(MIRROR, KERNEL, SPECTRA, WIENER, BACK, "place colours strength edge"),
    middle_one_off=(
        MIRROR,
        KERNEL,
        PLACE.replace("// 2)", "// 2 + 1)"),
        SPECTRA,
        WIENER,
        BACK,
        "place colours strength edge",
    ),
    no_conjugate=(MIRROR, KERNEL, PLACE, SPECTRA, WIENER.replace("np.conj(H)", "H"), BACK, "place"),
    kernel_flipped=(MIRROR, KERNEL.replace("= how", "= how[::-1, ::-1]"), PLACE, SPECTRA, WIENER, BACK, "place"),
    kernel_transposed=(MIRROR, KERNEL.replace("= how", "= how.T"), PLACE, SPECTRA, WIENER, BACK, "place"),
    size_without_place=(MIRROR, KERNEL, PLACE, SPECTRA, WIENER.replace("np.conj(H)", "np.abs(H)"), BACK, "place"),
    brightness_only=(
        MIRROR,
        KERNEL,
        PLACE,
        SPECTRA,
        "G = G.mean(-1, keepdims=True) + np.zeros(3)",
        WIENER,
        BACK,
        "colours",
    ),
    first_picture_for_all=(
        MIRROR,
        "p = p[:1] + 0 * p",
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER,
        BACK,
        "place colours strength edge",
    ),
    red_for_all=(MIRROR, "p = p[..., :1] + np.zeros(3)", KERNEL, PLACE, SPECTRA, WIENER, BACK, "colours"),
    transforms_the_colours_too=(
        MIRROR,
        KERNEL,
        PLACE,
        "H, G = np.fft.fft2(k)[..., None], np.fft.fft2(p)",
        WIENER,
        BACK.replace(", axes=(1, 2)", ""),
        "place colours strength edge",
    ),
    square_pictures=(
        "n = min(spoiled.shape[1:3])",
        MIRROR.replace("spoiled", "spoiled[:, :n, :n]"),
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER,
        BACK,
        "colours",
    ),
    strength_squared=(
        MIRROR,
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER.replace("strength", "strength**2"),
        BACK,
        "place colours strength edge",
    ),
    strength_is_a_hundredth=(MIRROR, KERNEL, PLACE, SPECTRA, WIENER.replace("strength", "0.01"), BACK, "strength"),
    strength_is_a_tenth_at_most=(
        MIRROR,
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER.replace("strength", "min(strength, 0.01)"),
        BACK,
        "strength",
    ),
    inverse_filter=(MIRROR, KERNEL, PLACE, SPECTRA, "f = G / (H + 1e-3)", BACK, "place colours strength edge"),
    no_mirror=(
        MIRROR.replace("PAD", "0"),
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER,
        BACK.replace("[:, PAD:-PAD, PAD:-PAD]", ""),
        "edge",
    ),
    zeros_outside=(MIRROR.replace("reflect", "constant"), KERNEL, PLACE, SPECTRA, WIENER, BACK, "edge"),
    edge_repeated=(MIRROR.replace("reflect", "edge"), KERNEL, PLACE, SPECTRA, WIENER, BACK, "edge"),
    padding_left_on=(
        MIRROR,
        KERNEL,
        PLACE,
        SPECTRA,
        WIENER,
        BACK.replace("[:, PAD:-PAD, PAD:-PAD]", ""),
        "place colours strength edge",
    ),
    blurs_again=(MIRROR, KERNEL, PLACE, SPECTRA, "f = H * G", BACK, "place colours strength edge"),
    identity=("return spoiled", "place colours strength edge"),
)
AT = "at = (np.arange(n * how) + 0.5) / how - 0.5"
FIRST = "first = np.floor(at).astype(int) - 1"
NEAR, FAR = "1.5 * d**3 - 2.5 * d**2 + 1", "-0.5 * d**3 + 2.5 * d**2 - 4 * d + 2"
CUBIC = f"k = lambda d: np.where(d <= 1, {NEAR}, np.where(d < 2, {FAR}, 0))"
TAKE = "rows = [x.take(np.clip(first + t, 0, n - 1), 1) * k(np.abs(at - first - t))[:, None, None] for t in range(4)]"
ALONG = "n = x.shape[1]"
UP = "up = lambda x: along(along(x).swapaxes(1, 2)).swapaxes(1, 2)"
CORRECT = "return up(spoiled) + strength * up(spoiled - degrade(up(spoiled), how, 0, 0))"


def along(*body):
    """A function that enlarges along the rows, as lines of a body."""
    return "def along(x):", *(f"    {line}" for line in (ALONG, *body, "return sum(rows)"))


WAYS = along(AT, FIRST, CUBIC, TAKE)
EVERYTHING = "place colours strength edge"
ENLARGE = made(
    CLASSICAL,
    aligned_at_the_corner=(*along("at = np.arange(n * how) / how", FIRST, CUBIC, TAKE), UP, CORRECT, EVERYTHING),
    corners_on_corners=(*along("at = np.linspace(0, n - 1, n * how)", FIRST, CUBIC, TAKE), UP, CORRECT, EVERYTHING),
    right_for_twice_alone=(*along("at = np.arange(n * how) / how - 0.25", FIRST, CUBIC, TAKE), UP, CORRECT, "place"),
    half_forgotten=(*along("at = (np.arange(n * how) + 0.5) / how", FIRST, CUBIC, TAKE), UP, CORRECT, EVERYTHING),
    one_off=(*along(AT, FIRST.replace("- 1", "- 2"), CUBIC, TAKE), UP, CORRECT, EVERYTHING),
    opencvs_cubic=(
        *along(
            AT,
            FIRST,
            CUBIC.replace("1.5 * d**3 - 2.5", "1.25 * d**3 - 2.25").replace(
                "-0.5 * d**3 + 2.5 * d**2 - 4 * d + 2", "-0.75 * (d**3 - 5 * d**2 + 8 * d - 4)"
            ),
            TAKE,
        ),
        UP,
        CORRECT,
        EVERYTHING,
    ),
    linear=(*along(AT, FIRST, "k = lambda d: np.maximum(0, 1 - d)", TAKE), UP, CORRECT, EVERYTHING),
    repeats_pixels=("up = lambda x: x.repeat(how, 1).repeat(how, 2)", CORRECT, EVERYTHING),
    one_direction=(*WAYS, "up = lambda x: along(x).repeat(how, 2)", CORRECT, EVERYTHING),
    transposed=(*WAYS, UP, CORRECT.replace("return ", "return (") + ").swapaxes(1, 2)", EVERYTHING),
    mirrored_rows=(*WAYS, UP, CORRECT.replace("return ", "return (") + ")[:, ::-1]", EVERYTHING),
    red_for_all=("spoiled = spoiled[..., :1] + np.zeros(3)", *WAYS, UP, CORRECT, "colours"),
    brightness_only=("spoiled = spoiled.mean(-1, keepdims=True) + np.zeros(3)", *WAYS, UP, CORRECT, "colours"),
    two_pictures=("spoiled = spoiled[:2]", *WAYS, UP, CORRECT, "colours"),
    square_pictures=("n = min(spoiled.shape[1:3]); spoiled = spoiled[:, :n, :n]", *WAYS, UP, CORRECT, "colours"),
    no_correction=(*WAYS, UP, "return up(spoiled)", "strength"),
    whole_correction=(*WAYS, UP, CORRECT.replace("strength *", "(strength > 0) *"), "strength"),
    corrects_the_other_way=(*WAYS, UP, CORRECT.replace("+ strength", "- strength"), "strength"),
    corrects_with_noise=(*WAYS, UP, CORRECT.replace("how, 0, 0", "how, 30, 0"), "strength"),
    sharpens_the_whole=(*WAYS, UP, "return (1 + strength) * up(spoiled)", "strength"),
    zeros_outside=(
        *along(
            AT,
            FIRST,
            CUBIC,
            "inside = lambda t: ((first + t >= 0) & (first + t < n))[:, None, None]",
            TAKE.replace(" for t in", " * inside(t) for t in"),
        ),
        UP,
        CORRECT,
        "edge",
    ),
    wrapped=(
        *along(AT, FIRST, CUBIC, TAKE.replace("np.clip(first + t, 0, n - 1)", "(first + t) % n")),
        UP,
        CORRECT,
        "edge",
    ),
    mirrored_outside=(
        *along(
            AT, FIRST, CUBIC, TAKE.replace("np.clip(first + t, 0, n - 1)", "n - 1 - np.abs(n - 1 - np.abs(first + t))")
        ),
        UP,
        CORRECT,
        "edge",
    ),
    identity=("return spoiled", EVERYTHING),
)
