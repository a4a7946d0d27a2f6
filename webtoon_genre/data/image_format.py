"""The format of an image by its first bytes; it decodes nothing and ignores file names."""


def detect_format(data: bytes) -> str | None:
    """Return "jpeg", "png", "webp" or "gif" by the signature at the start of `data`, None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return None
