"""webtoon_genre/data/images.py: every format becomes the RGB a person sees, or a counted reject; the square is the study's."""

import io
import re
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.image_factory import encoded, picture, quarters
from webtoon_genre.data.images import INTERPOLATIONS, BadImage, decode_rgb, fit_square, perceptual_hash

LIMIT = 1_000_000
WHITE = [255, 255, 255]
CORNERS = np.ix_([2, -3], [2, -3])


def decode(data: bytes) -> np.ndarray:
    return decode_rgb(data, "7/3", LIMIT)


def corners(image: np.ndarray) -> list[list[int]]:
    """Upper left, upper right, lower left, lower right, a little inside."""
    return image[CORNERS].reshape(4, 3).tolist()


def near(image: np.ndarray, expected: np.ndarray, tolerance: int) -> bool:
    return image.shape == expected.shape and np.abs(image.astype(int) - expected).max() <= tolerance


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = value
    return exif


def half_transparent() -> Image.Image:
    """The quarters; the lower two are transparent."""
    image = Image.fromarray(quarters()).convert("RGBA")
    alpha = np.full((32, 64), 255, np.uint8)
    alpha[16:] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


# -- formats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 12),
        ("JPEG", {"quality": 95, "progressive": True}, 12),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("GIF", {}, 0),
    ],
)
def test_each_format_comes_out_as_8_bit_rgb(form, options, tolerance):
    decoded = decode(encoded(quarters(), form, **options))
    assert decoded.dtype == np.uint8
    inner = [[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]]
    assert np.abs(np.array(corners(decoded)) - inner).max() <= tolerance


def test_the_bytes_not_the_name_tell_the_format():
    assert np.array_equal(decode_rgb(encoded(quarters(), "PNG"), "picture.jpg", LIMIT), quarters())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("value", "turned"),
    [
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (6, lambda image: np.rot90(image, -1)),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation_is_applied(form, value, turned):
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}
    decoded = decode(encoded(quarters(), form, exif=orientation(value), **options))
    assert decoded.shape == turned(quarters()).shape
    assert np.abs(np.array(corners(decoded)) - corners(turned(quarters()))).max() <= 12


def test_exif_orientation_is_applied_to_transparent_pictures_too():
    decoded = decode(encoded(half_transparent(), "PNG", exif=orientation(3)))
    assert corners(decoded) == [WHITE, WHITE, [40, 200, 40], [200, 40, 40]]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_grey_becomes_three_equal_channels(form):
    decoded = decode(encoded(Image.fromarray(quarters()).convert("L"), form))
    assert decoded.shape == (32, 64, 3)
    assert np.array_equal(decoded[..., 0], decoded[..., 1])
    assert np.array_equal(decoded[..., 0], decoded[..., 2])


def test_one_bit_pictures_are_black_and_white():
    image = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1).repeat(16, axis=0)).convert("1")
    assert set(decode(encoded(image, "PNG")).flatten().tolist()) == {0, 255}


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_pictures_keep_their_upper_8_bits(channels):
    image = quarters()[..., :channels].squeeze()
    data = cv2.imencode(
        ".png", image[..., ::-1].astype(np.uint16) * 257 if channels == 3 else image.astype(np.uint16) * 257
    )
    decoded = decode(data[1].tobytes())
    assert np.array_equal(decoded, np.broadcast_to(image.reshape(32, 64, channels), (32, 64, 3)))


def test_cmyk_is_not_inverted():
    data = encoded(Image.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data  # Pillow writes what Photoshop does: inverted values under Adobe's marker
    assert np.abs(np.array(corners(decode(data))) - corners(quarters())).max() <= 12


def test_ycck_is_what_pillow_makes_of_it():
    data = bytearray(encoded(Image.fromarray(picture(1)).convert("CMYK"), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2  # the marker's transform: YCCK
    expected = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))
    assert near(decode(bytes(data)), expected, 2)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparent_parts_are_white(form):
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode(encoded(half_transparent(), form, **options))
    assert corners(decoded) == [[200, 40, 40], [40, 200, 40], WHITE, WHITE]


def test_half_transparent_parts_are_mixed_with_white():
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8)).convert("RGBA")
    image.putalpha(51)
    assert (decode(encoded(image, "PNG")) == 204).all()


def test_grey_with_alpha_is_laid_on_white_too():
    image = half_transparent().convert("LA")
    upper_left, _, lower_left, lower_right = corners(decode(encoded(image, "PNG")))
    assert upper_left[0] == upper_left[1] == upper_left[2] < 120
    assert lower_left == lower_right == WHITE


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_palette_with_transparency_shows_white_there_and_its_colours_elsewhere(form):
    image = Image.fromarray(quarters()).quantize(4)
    hidden = image.getpixel((2, 2))
    decoded = decode(encoded(image, form, transparency=hidden))
    assert corners(decoded) == [WHITE, [40, 200, 40], [40, 40, 200], [200, 200, 40]]


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_of_an_animation_the_first_frame_is_taken(form, options):
    frames = [Image.fromarray(image) for image in (quarters(), quarters()[::-1], quarters()[:, ::-1])]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(decode(data), quarters())


# -- rejects -----------------------------------------------------------------------------------------------------------


def rejected(data: bytes, limit: int = LIMIT) -> BadImage:
    with pytest.raises(BadImage) as caught:
        decode_rgb(data, "7/3", limit)
    return caught.value


@pytest.mark.parametrize(
    ("data", "start"), [(b"", "b''"), (b"<html><body>403", "b'<htm'"), (encoded(quarters(), "BMP"), r"b'BM6\x18'")]
)
def test_bytes_of_no_known_format_are_undecodable(data, start):
    assert str(rejected(data)) == (
        f"7/3: {len(data)} bytes starting {start} are no JPEG, PNG, WebP or GIF [undecodable]"
    )


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": orientation(6)}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
    ],
)
def test_a_file_cut_short_is_truncated_in_every_format(form, options, share):
    data = encoded(picture(2), form, **options)
    assert rejected(data[: int(len(data) * share)]).reason == "truncated"


def test_a_cut_jpeg_is_truncated_even_if_its_exif_thumbnail_is_whole():
    small = encoded(quarters(16, 16))
    exif = b"Exif\x00\x00" + struct.pack("<2sHIHI", b"II", 42, 8, 0, 0) + small
    whole = encoded(picture(2))
    data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]
    assert decode(data).shape == (40, 60, 3)
    assert str(rejected(data[:-2])) == f"7/3: the jpeg stops after {len(data) - 2} bytes, before its end [truncated]"


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_cut_jpeg_that_got_an_end_marker_again_is_truncated(share):
    data = encoded(picture(2, 120, 90))
    assert str(rejected(data[: int(len(data) * share)] + b"\xff\xd9")) == (
        "7/3: the jpeg ends before its picture does [truncated]"
    )


def test_a_whole_jpeg_of_the_grey_that_fills_cut_ones_is_taken():
    grey = np.full((40, 60, 3), 128, np.uint8)
    assert near(decode(encoded(grey)), grey, 1)


def test_bytes_after_the_end_do_no_harm():
    assert np.array_equal(decode(encoded(picture(2)) + b"more"), decode(encoded(picture(2))))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_larger_than_the_limit_is_refused_and_one_of_that_size_taken(form):
    data = encoded(quarters(50, 40), form)
    assert str(rejected(data, 1999)) == "7/3: 50 × 40 pixels are more than 1999 [too_many_pixels]"
    assert decode_rgb(data, "7/3", 2000).shape == (40, 50, 3)


def test_a_decompression_bomb_is_refused_without_being_decoded(monkeypatch):
    bomb = encoded(Image.new("1", (5_000, 5_000)), "PNG")
    assert len(bomb) < 10_000
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    assert rejected(bomb).reason == "too_many_pixels"


def test_a_webp_of_more_pixels_than_pillow_allows_is_refused():
    data = bytearray(encoded(half_transparent(), "WEBP", exif=orientation(1)))
    data[24:30] = (b"\xff\x3f\x00") * 2  # the canvas of VP8X: 16384 × 16384
    assert rejected(bytes(data), 10**9).reason == "too_many_pixels"


def test_a_single_pixel_is_refused():
    assert str(rejected(encoded(quarters(2, 2)[:1, :1], "PNG"))) == "7/3: 1 × 1 pixel shows nothing [one_pixel]"


def test_a_broken_header_is_undecodable():
    data = encoded(quarters(), "PNG")
    assert re.fullmatch(
        rf"7/3: {len(data)} bytes of png have a broken header \(.+\) \[undecodable\]",
        str(rejected(data[:20] + b"\xff\xff" + data[22:])),
    )


@settings(max_examples=150)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]),
    st.lists(st.tuples(st.integers(8, 10_000), st.integers(0, 255)), max_size=4),
    st.floats(0.5, 1.5),
)
def test_damaged_bytes_give_a_picture_or_a_reject_and_never_another_error(form, changes, share):
    data = bytearray(encoded(picture(3, 30, 20), form))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        decoded = decode(bytes(data[: int(len(data) * share)]))
    except BadImage as bad:
        assert bad.reason in {"undecodable", "truncated", "too_many_pixels", "one_pixel"}
    else:
        assert decoded.dtype == np.uint8
        assert decoded.shape[2] == 3


# -- the square --------------------------------------------------------------------------------------------------------

pictures = st.builds(picture, st.integers(0, 1000), st.integers(1, 90), st.integers(1, 90))
sides = st.integers(8, 64)
methods = st.sampled_from(sorted(INTERPOLATIONS))


def study(image: np.ndarray, side: int) -> tuple[np.ndarray, int, int]:
    """The study's loop without its JPEG, and the margins, in pixels, across and down."""
    factor = side / max(image.shape[:2])
    scaled = cv2.resize(image, dsize=None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    height, width = scaled.shape[:2]
    shift = np.array([[1, 0, (side - width) / 2], [0, 1, (side - height) / 2]], np.float32)
    return cv2.warpAffine(scaled, shift, (side, side)), side - width, side - height


@pytest.mark.parametrize(
    ("width", "height", "side"),
    [
        (202, 120, 113),
        (436, 256, 112),
        (112, 112, 112),
        (60, 30, 112),
        (30, 60, 112),
        (100, 11, 112),
        (31, 31, 112),
        (202, 100, 111),
    ],
)
def test_the_square_is_the_study_s_where_that_one_moves_by_whole_pixels(width, height, side):
    image = picture(4, width, height)
    expected, across, down = study(image, side)
    assert (across % 2, down % 2) == (0, 0)
    assert np.array_equal(fit_square(image, side, "linear"), expected)


@given(st.builds(picture, st.integers(0, 1000), st.integers(20, 90), st.integers(20, 90)), sides)
def test_it_is_the_study_s_for_any_size_once_even_margins_are_whole(image, side):
    expected, across, down = study(image, side)
    square = fit_square(image, side, "linear")
    if across % 2 == 0 and down % 2 == 0:
        assert np.array_equal(square, expected)
    else:  # the study's is the mean of ours and ours moved on by a pixel
        moved = np.roll(square, (down % 2, across % 2), (0, 1))
        assert near(expected, (square.astype(int) + moved) / 2, 1)


def test_a_naver_thumbnail_fills_the_width_and_the_odd_pixel_goes_below():
    square = fit_square(np.full((120, 202, 3), 255, np.uint8), 112, "linear")
    rows = np.flatnonzero(square.any(axis=(1, 2)))
    assert (rows[0], rows[-1]) == (22, 88)  # 67 rows between 22 above and 23 below
    assert (square[22:89] == 255).all()


@given(pictures, sides, methods)
def test_the_square_has_its_side_and_stays_8_bit(image, side, method):
    square = fit_square(image, side, method)
    assert (square.shape, square.dtype) == ((side, side, 3), np.uint8)


@given(st.integers(1, 300), st.integers(1, 300), sides, methods)
def test_content_fills_the_longer_side_and_lies_between_black_margins_that_differ_by_at_most_a_pixel(
    width, height, side, method
):
    square = fit_square(np.full((height, width, 3), 255, np.uint8), side, method)
    lit = square.all(axis=2)
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    box = np.zeros((side, side), bool)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    assert np.array_equal(lit, box)
    assert not square[~box].any()
    assert max(len(rows), len(columns)) == side
    for places in (rows, columns):
        before, after = places[0], side - 1 - places[-1]
        assert after - before in (0, 1)


@given(pictures, sides)
def test_mirroring_then_fitting_is_fitting_then_mirroring_along_the_longer_side(image, side):
    # a resize that favours one side hands the model a shortcut
    image = image if image.shape[1] >= image.shape[0] else image.transpose(1, 0, 2)
    mirrored = fit_square(np.ascontiguousarray(image[:, ::-1]), side, "linear")
    assert near(mirrored, fit_square(image, side, "linear")[:, ::-1], 1)  # fixed-point rounding


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4), methods)
def test_along_the_shorter_side_too_up_to_the_odd_pixel_where_it_scales_to_whole_pixels(
    seed, longer, shorter, factor, method
):
    longer, shorter = max(longer, shorter), min(longer, shorter)
    image, side = picture(seed, longer, shorter), longer * factor
    square = fit_square(image, side, "linear")
    flipped = fit_square(np.ascontiguousarray(image[::-1]), side, "linear")
    odd = (side - shorter * factor) % 2
    assert near(np.roll(flipped, odd, axis=0), square[::-1], 1)


@given(st.integers(0, 1000), sides, methods)
def test_a_square_of_the_right_side_stays_as_it_is(seed, side, method):
    image = picture(seed, side, side)
    assert np.array_equal(fit_square(image, side, method), image)


@pytest.mark.parametrize("size", [(1, 500), (500, 1)])
def test_a_line_keeps_one_pixel_of_width(size):
    square = fit_square(np.full((*size, 3), 255, np.uint8), 112, "linear")
    assert square.any(axis=2).sum() == 112


def test_turning_the_picture_turns_the_square():
    image = picture(5, 61, 40)
    turned = np.ascontiguousarray(image.transpose(1, 0, 2))
    assert near(fit_square(turned, 48, "linear"), fit_square(image, 48, "linear").transpose(1, 0, 2), 1)


# -- the hash ----------------------------------------------------------------------------------------------------------


def distance(one: np.ndarray, other: np.ndarray) -> int:
    return (int(perceptual_hash(one), 16) ^ int(perceptual_hash(other), 16)).bit_count()


def test_the_hash_is_64_bits_of_brighter_than_the_left_neighbour():
    ramp = np.repeat(np.arange(0, 180, 20, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)
    assert perceptual_hash(ramp) == "f" * 16
    assert perceptual_hash(ramp[:, ::-1]) == "0" * 16


def test_the_hash_of_a_drawn_picture_is_this_one():
    # golden: another value means that data/resized/index.parquet changes for everyone
    assert perceptual_hash(quarters()) == "1818181818181818"


def test_a_picture_smaller_than_the_grid_has_a_hash_too():
    assert re.fullmatch("[0-9a-f]{16}", perceptual_hash(quarters(1, 500)))


def test_a_smaller_lossy_copy_differs_in_few_bits_and_another_picture_in_many():
    image = picture(6, 202, 120)
    copy = decode(encoded(cv2.resize(image, (101, 60), interpolation=cv2.INTER_AREA), "JPEG", quality=60))
    assert distance(image, copy) <= 6
    assert distance(image, picture(7, 202, 120)) >= 16
