"""webtoon_genre/data/images.py: every format becomes RGB as a browser shows it, or a counted reject; the square is the study's."""

import io
import re
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.image_factory import encode, picture, quarters
from webtoon_genre.data.images import INTERPOLATIONS, BadImage, decode_rgb, fit_square, perceptual_hash

LIMIT = 1_000_000
WHITE = [255, 255, 255]
CORNERS = np.ix_([2, -3], [2, -3])


def decode(data: bytes) -> np.ndarray:
    return decode_rgb(data, "7/3", LIMIT)


def corners(image: np.ndarray) -> list[list[int]]:
    """Return the pixels near the upper left, upper right, lower left and lower right corner."""
    return image[CORNERS].reshape(4, 3).tolist()


def near(image: np.ndarray, expected: np.ndarray, tolerance: int) -> bool:
    return image.shape == expected.shape and np.abs(image.astype(int) - expected).max() <= tolerance


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = value
    return exif


def half_transparent() -> Image.Image:
    """Return the quarters with the lower two transparent."""
    image = Image.fromarray(quarters()).convert("RGBA")
    alpha = np.full((32, 64), 255, np.uint8)
    alpha[16:] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


# formats


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
def test_every_format_becomes_8_bit_rgb(form, options, tolerance):
    decoded = decode(encode(quarters(), form, **options))
    assert decoded.dtype == np.uint8
    colours = [[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]]
    assert np.abs(np.array(corners(decoded)) - colours).max() <= tolerance


def test_the_bytes_and_not_the_name_determine_the_format():
    assert np.array_equal(decode_rgb(encode(quarters(), "PNG"), "picture.jpg", LIMIT), quarters())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("value", "rotate"),
    [
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (6, lambda image: np.rot90(image, -1)),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation_is_applied(form, value, rotate):
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}
    decoded = decode(encode(quarters(), form, exif=orientation(value), **options))
    assert decoded.shape == rotate(quarters()).shape
    assert np.abs(np.array(corners(decoded)) - corners(rotate(quarters()))).max() <= 12


def test_exif_orientation_is_applied_to_transparent_images():
    decoded = decode(encode(half_transparent(), "PNG", exif=orientation(3)))
    assert corners(decoded) == [WHITE, WHITE, [40, 200, 40], [200, 40, 40]]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_grey_becomes_three_equal_channels(form):
    decoded = decode(encode(Image.fromarray(quarters()).convert("L"), form))
    assert decoded.shape == (32, 64, 3)
    assert np.array_equal(decoded[..., 0], decoded[..., 1])
    assert np.array_equal(decoded[..., 0], decoded[..., 2])


def test_one_bit_images_are_black_and_white():
    image = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1).repeat(16, axis=0)).convert("1")
    assert set(decode(encode(image, "PNG")).flatten().tolist()) == {0, 255}


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_images_keep_their_upper_8_bits(channels):
    image = quarters()[..., :channels].squeeze()
    data = cv2.imencode(
        ".png", image[..., ::-1].astype(np.uint16) * 257 if channels == 3 else image.astype(np.uint16) * 257
    )
    decoded = decode(data[1].tobytes())
    assert np.array_equal(decoded, np.broadcast_to(image.reshape(32, 64, channels), (32, 64, 3)))


def test_cmyk_is_not_inverted():
    data = encode(Image.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data  # like Photoshop, Pillow writes inverted values with Adobe's marker
    assert np.abs(np.array(corners(decode(data))) - corners(quarters())).max() <= 12


def test_ycck_is_decoded_as_by_pillow():
    data = bytearray(encode(Image.fromarray(picture(1)).convert("CMYK"), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2  # the marker's transform: YCCK
    expected = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))
    assert near(decode(bytes(data)), expected, 2)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparent_areas_are_white(form):
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode(encode(half_transparent(), form, **options))
    assert corners(decoded) == [[200, 40, 40], [40, 200, 40], WHITE, WHITE]


def test_half_transparent_areas_are_blended_with_white():
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8)).convert("RGBA")
    image.putalpha(51)
    assert (decode(encode(image, "PNG")) == 204).all()


def test_grey_with_alpha_is_blended_with_white():
    image = half_transparent().convert("LA")
    upper_left, _, lower_left, lower_right = corners(decode(encode(image, "PNG")))
    assert upper_left[0] == upper_left[1] == upper_left[2] < 120
    assert lower_left == lower_right == WHITE


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_the_transparent_colour_of_a_palette_is_white_and_the_others_stay(form):
    image = Image.fromarray(quarters()).quantize(4)
    transparent = image.getpixel((2, 2))
    decoded = decode(encode(image, form, transparency=transparent))
    assert corners(decoded) == [WHITE, [40, 200, 40], [40, 40, 200], [200, 200, 40]]


def png(depth: int, colour_type: int, row: bytes, pixels: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of one row, written byte by byte: neither Pillow nor OpenCV can write all of these."""
    header = struct.pack(">IIBBBBB", pixels, 1, depth, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    written = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def words(*values: int) -> bytes:
    """Return 16-bit samples as a PNG holds them."""
    return struct.pack(f">{len(values)}H", *values)


GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types of PNG
COLOURS = (b"PLTE", bytes([10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42]))
FOUR = [[10, 11, 12], [20, 21, 22], [30, 31, 32], [40, 41, 42]]
NEARLY = words(
    0x1234, 0x5678, 0x9ABC, 0x1234, 0x5678, 0x9ABD, 0xFF00, 0, 1
)  # two colours that differ in the lowest bits


@pytest.mark.parametrize(
    ("depth", "colour_type", "row", "transparent", "expected"),
    [
        (1, GREY, bytes([0b01100000]), words(0), [255, 255, 255, 255]),
        (1, GREY, bytes([0b01100000]), words(1), [0, 255, 255, 0]),
        (2, GREY, bytes([0b00011011]), words(2), [0, 85, 255, 255]),
        (4, GREY, bytes([0x01, 0x2E]), words(2), [0, 17, 255, 238]),
        (8, GREY, bytes([5, 6, 7, 6]), words(6), [5, 255, 7, 255]),
        (8, RGB, bytes([5, 6, 7, 5, 6, 8]), words(5, 6, 7), [WHITE, [5, 6, 8]]),
        (16, GREY, words(0x1234, 0x1235, 0xFE00), words(0x1234), [255, 0x12, 0xFE]),
        (16, GREY, words(0x1234, 0x1235, 0xFE00), words(0x0012), [0x12, 0x12, 0xFE]),  # the upper byte of two pixels
        (16, GREY, words(0, 0xFFFF, 0x00FF), words(0), [255, 255, 0]),
        (16, RGB, NEARLY, words(0x1234, 0x5678, 0x9ABC), [WHITE, [0x12, 0x56, 0x9A], [0xFF, 0, 0]]),
        (16, RGB, NEARLY, words(0x12, 0x56, 0x9A), [[0x12, 0x56, 0x9A], [0x12, 0x56, 0x9A], [0xFF, 0, 0]]),
        (1, PALETTE, bytes([0b01100000]), bytes([255, 0]), [FOUR[0], WHITE, WHITE, FOUR[0]]),
        (2, PALETTE, bytes([0b00011011]), bytes([255, 255, 0]), [FOUR[0], FOUR[1], WHITE, FOUR[3]]),
        (4, PALETTE, bytes([0x01, 0x23]), bytes([0]), [WHITE, *FOUR[1:]]),
        (8, PALETTE, bytes([0, 1, 2, 3]), bytes([255, 51]), [FOUR[0], [208, 208, 208], FOUR[2], FOUR[3]]),
    ],
)  # fmt: skip
def test_only_pixels_of_the_transparent_colour_of_a_png_become_white(depth, colour_type, row, transparent, expected):
    palette = [COLOURS] if colour_type == PALETTE else []
    decoded = decode(png(depth, colour_type, row, len(expected), *palette, (b"tRNS", transparent)))
    colours = [[value] * 3 if isinstance(value, int) else value for value in expected]
    assert np.abs(decoded[0].astype(int) - colours).max() <= (1 if 51 in transparent else 0)  # blended: rounding


@pytest.mark.parametrize(
    ("colour_type", "row", "expected"),
    [
        (GREY_ALPHA, words(0x1200, 0xFFFF, 0x1200, 0, 0, 0x3333), [[0x12] * 3, WHITE, [204] * 3]),
        (RGB_ALPHA, words(0x1200, 0x5600, 0x9A00, 0xFFFF, 1, 2, 3, 0, 0, 0, 0, 0x3333), [[0x12, 0x56, 0x9A], WHITE, [204] * 3]),
    ],
)  # fmt: skip
def test_16_bit_alpha_is_blended_with_white(colour_type, row, expected):
    assert decode(png(16, colour_type, row, 3))[0].tolist() == expected


def test_exif_orientation_is_applied_to_a_png_with_a_transparent_colour():
    exif = (b"eXIf", orientation(3).tobytes().removeprefix(b"Exif\x00\x00"))
    data = png(16, GREY, words(0x1234, 0x1235, 0xFE00), 3, exif, (b"tRNS", words(0x1234)))
    assert decode(data)[0].tolist() == [[0xFE] * 3, [0x12] * 3, WHITE]


def test_a_png_with_a_transparent_colour_and_no_pixels_is_undecodable():
    data = png(16, GREY, b"", 3, (b"tRNS", words(0x1234))).replace(b"IDAT", b"IDAU")
    assert reject(data).reason == "undecodable"


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_an_animation_is_decoded_to_its_first_frame(form, options):
    frames = [Image.fromarray(image) for image in (quarters(), quarters()[::-1], quarters()[:, ::-1])]
    data = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(decode(data), quarters())


# rejects


def reject(data: bytes, limit: int = LIMIT) -> BadImage:
    with pytest.raises(BadImage) as caught:
        decode_rgb(data, "7/3", limit)
    return caught.value


@pytest.mark.parametrize(
    ("data", "start"), [(b"", "b''"), (b"<html><body>403", "b'<htm'"), (encode(quarters(), "BMP"), r"b'BM6\x18'")]
)
def test_bytes_of_no_known_format_are_undecodable(data, start):
    assert str(reject(data)) == (f"7/3: {len(data)} bytes starting {start} are no JPEG, PNG, WebP or GIF [undecodable]")


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
def test_an_incomplete_file_is_truncated_in_every_format(form, options, share):
    data = encode(picture(2), form, **options)
    assert reject(data[: int(len(data) * share)]).reason == "truncated"


def test_an_incomplete_jpeg_is_truncated_even_if_its_exif_thumbnail_is_complete():
    thumbnail = encode(quarters(16, 16))
    exif = b"Exif\x00\x00" + struct.pack("<2sHIHI", b"II", 42, 8, 0, 0) + thumbnail
    jpeg = encode(picture(2))
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert decode(data).shape == (40, 60, 3)
    assert str(reject(data[:-2])) == f"7/3: the jpeg stops after {len(data) - 2} bytes, before its end [truncated]"


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_an_incomplete_jpeg_with_an_end_marker_is_truncated(share):
    data = encode(picture(2, 120, 90))
    assert str(reject(data[: int(len(data) * share)] + b"\xff\xd9")) == (
        "7/3: the jpeg ends before its picture does [truncated]"
    )


def test_a_complete_jpeg_of_the_fill_grey_is_accepted():
    grey = np.full((40, 60, 3), 128, np.uint8)
    assert near(decode(encode(grey)), grey, 1)


def test_bytes_after_the_end_are_ignored():
    assert np.array_equal(decode(encode(picture(2)) + b"more"), decode(encode(picture(2))))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_an_image_above_the_pixel_limit_is_rejected_and_one_at_the_limit_accepted(form):
    data = encode(quarters(50, 40), form)
    assert str(reject(data, 1999)) == "7/3: 50 × 40 pixels are more than 1999 [too_many_pixels]"
    assert decode_rgb(data, "7/3", 2000).shape == (40, 50, 3)


def test_a_decompression_bomb_is_rejected_without_decoding(monkeypatch):
    bomb = encode(Image.new("1", (5_000, 5_000)), "PNG")
    assert len(bomb) < 10_000
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("cv2.imdecode was called"))
    assert reject(bomb).reason == "too_many_pixels"


def test_a_webp_of_more_pixels_than_pillow_allows_is_rejected():
    data = bytearray(encode(half_transparent(), "WEBP", exif=orientation(1)))
    data[24:30] = (b"\xff\x3f\x00") * 2  # the canvas of VP8X: 16384 × 16384
    assert reject(bytes(data), 10**9).reason == "too_many_pixels"


def test_a_single_pixel_is_rejected():
    assert str(reject(encode(quarters(2, 2)[:1, :1], "PNG"))) == "7/3: 1 × 1 pixel shows nothing [one_pixel]"


def test_a_broken_header_is_undecodable():
    data = encode(quarters(), "PNG")
    assert re.fullmatch(
        rf"7/3: {len(data)} bytes of png have a broken header \(.+\) \[undecodable\]",
        str(reject(data[:20] + b"\xff\xff" + data[22:])),
    )


@settings(max_examples=150)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]),
    st.lists(st.tuples(st.integers(8, 10_000), st.integers(0, 255)), max_size=4),
    st.floats(0.5, 1.5),
)
def test_damaged_bytes_give_an_image_or_a_reject_and_never_another_error(form, changes, share):
    data = bytearray(encode(picture(3, 30, 20), form))
    for offset, value in changes:
        data[offset % len(data)] = value
    try:
        decoded = decode(bytes(data[: int(len(data) * share)]))
    except BadImage as error:
        assert error.reason in {"undecodable", "truncated", "too_many_pixels", "one_pixel"}
    else:
        assert decoded.dtype == np.uint8
        assert decoded.shape[2] == 3


# the square

pictures = st.builds(picture, st.integers(0, 1000), st.integers(1, 90), st.integers(1, 90))
sides = st.integers(8, 64)
methods = st.sampled_from(sorted(INTERPOLATIONS))


def study(image: np.ndarray, side: int) -> tuple[np.ndarray, int, int]:
    """Resize as in the study's loop, but without JPEG; also return the margins in pixels, horizontal and vertical."""
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
def test_the_square_is_the_study_s_where_the_study_shifts_by_integer_pixels(width, height, side):
    image = picture(4, width, height)
    expected, horizontal, vertical = study(image, side)
    assert (horizontal % 2, vertical % 2) == (0, 0)
    assert np.array_equal(fit_square(image, side, "linear"), expected)


@given(st.builds(picture, st.integers(0, 1000), st.integers(20, 90), st.integers(20, 90)), sides)
def test_for_any_size_the_square_is_the_study_s_up_to_half_a_pixel_of_shift(image, side):
    expected, horizontal, vertical = study(image, side)
    square = fit_square(image, side, "linear")
    if horizontal % 2 == 0 and vertical % 2 == 0:
        assert np.array_equal(square, expected)
    else:  # the study's is the mean of our square and our square shifted by a pixel
        shifted = np.roll(square, (vertical % 2, horizontal % 2), (0, 1))
        assert near(expected, (square.astype(int) + shifted) / 2, 1)


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
    content = square.all(axis=2)
    rows, columns = np.flatnonzero(content.any(axis=1)), np.flatnonzero(content.any(axis=0))
    box = np.zeros((side, side), bool)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    assert np.array_equal(content, box)
    assert not square[~box].any()
    assert max(len(rows), len(columns)) == side
    for indices in (rows, columns):
        before, after = indices[0], side - 1 - indices[-1]
        assert after - before in (0, 1)


@given(pictures, sides)
def test_mirroring_then_fitting_is_fitting_then_mirroring_along_the_longer_side(image, side):
    # an asymmetric resize would give the model a shortcut
    image = image if image.shape[1] >= image.shape[0] else image.transpose(1, 0, 2)
    mirrored = fit_square(np.ascontiguousarray(image[:, ::-1]), side, "linear")
    assert near(mirrored, fit_square(image, side, "linear")[:, ::-1], 1)  # fixed-point rounding


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4), methods)
def test_along_the_shorter_side_too_up_to_the_odd_pixel_where_it_scales_to_an_integer(
    seed, longer, shorter, factor, method
):
    longer, shorter = max(longer, shorter), min(longer, shorter)
    image, side = picture(seed, longer, shorter), longer * factor
    square = fit_square(image, side, "linear")
    flipped = fit_square(np.ascontiguousarray(image[::-1]), side, "linear")
    odd = (side - shorter * factor) % 2
    assert near(np.roll(flipped, odd, axis=0), square[::-1], 1)


@given(st.integers(0, 1000), sides, methods)
def test_an_image_of_the_right_size_stays_unchanged(seed, side, method):
    image = picture(seed, side, side)
    assert np.array_equal(fit_square(image, side, method), image)


@pytest.mark.parametrize("size", [(1, 500), (500, 1)])
def test_a_line_keeps_one_pixel_of_width(size):
    square = fit_square(np.full((*size, 3), 255, np.uint8), 112, "linear")
    assert square.any(axis=2).sum() == 112


def test_transposing_the_image_transposes_the_square():
    image = picture(5, 61, 40)
    transposed = np.ascontiguousarray(image.transpose(1, 0, 2))
    assert near(fit_square(transposed, 48, "linear"), fit_square(image, 48, "linear").transpose(1, 0, 2), 1)


# the hash


def distance(first: np.ndarray, second: np.ndarray) -> int:
    return (int(perceptual_hash(first), 16) ^ int(perceptual_hash(second), 16)).bit_count()


def test_a_bit_of_the_hash_is_set_where_a_cell_is_brighter_than_its_left_neighbour():
    ramp = np.repeat(np.arange(0, 180, 20, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)
    assert perceptual_hash(ramp) == "f" * 16
    assert perceptual_hash(ramp[:, ::-1]) == "0" * 16


def test_the_hash_of_a_synthetic_image_is_golden():
    # another value means that data/resized/index.parquet changes for everyone
    assert perceptual_hash(quarters()) == "1818181818181818"


def test_an_image_smaller_than_the_grid_has_a_hash():
    assert re.fullmatch("[0-9a-f]{16}", perceptual_hash(quarters(1, 500)))


def test_a_picture_whose_sum_exceeds_32_bits_has_the_hash_of_its_small_version():
    small = quarters(96, 72)
    large = cv2.resize(small, None, fx=40, fy=40, interpolation=cv2.INTER_NEAREST)
    assert large.size // 3 * 255 > 2**31
    assert perceptual_hash(large) == perceptual_hash(small)


def test_a_smaller_lossy_copy_differs_in_few_bits_and_another_image_in_many():
    image = picture(6, 202, 120)
    copy = decode(encode(cv2.resize(image, (101, 60), interpolation=cv2.INTER_AREA), "JPEG", quality=60))
    assert distance(image, copy) <= 6
    assert distance(image, picture(7, 202, 120)) >= 16
