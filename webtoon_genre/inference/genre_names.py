"""English and Korean names of the study's genres, whose codes are the source's; other labels are their own names."""

NAMES = {  # by code: English, and Korean as the source writes it
    "daily": ("slice of life", "일상"),
    "comic": ("comedy", "개그"),
    "fantasy": ("fantasy", "판타지"),
    "action": ("action", "액션"),
    "drama": ("drama", "드라마"),
    "pure": ("romance", "로맨스"),
    "sensibility": ("emotional", "감성"),
    "thrill": ("thriller", "스릴러"),
    "historical": ("martial arts, history", "무협/사극"),
    "sports": ("sports", "스포츠"),
}


def names_of(code: str) -> dict[str, str]:
    """The names of a label by language, "en" and "ko": {"en": "romance", "ko": "로맨스"} of "pure"."""
    english, korean = NAMES.get(code, (code, code))
    return {"en": english, "ko": korean}
