"""Invented names of people and works, composed of syllables; none is that of a real person or work."""

from webtoon_genre.demo_site.seeded_random import SeededRandom

SYLLABLES = "가나다라마아하노도로모소오호루무우주미이해새래"
FINALS = ("", "", "", "", "ㄴ", "ㅇ", "ㄹ")
LATIN = ("Mo", "Ru", "Ka", "Zi", "Pel", "Tam", "Noo", "Vi", "Bex", "Qua", "Lio", "Sun")
OPENERS = {
    "fantasy": ("달빛", "잿빛", "일곱 번째", "회귀한", "마탑의", "심연의", "은빛", "버려진"),
    "drama": ("서른의", "어느", "늦은", "옆집", "두 번째", "낡은", "그해", "남겨진"),
    "pure": ("너의", "봄날의", "비밀의", "첫눈", "설레는", "수줍은", "분홍", "계약"),
    "comic": ("엉뚱한", "막무가내", "대책 없는", "우당탕", "시끄러운", "뻔뻔한", "삐딱한", "황당한"),
    "daily": ("오늘의", "느긋한", "소소한", "우리 집", "퇴근 후", "아침의", "동네", "게으른"),
    "action": ("강철", "최후의", "무적의", "붉은", "불꽃", "뒷골목", "맨주먹", "폭주하는"),
    "thrill": ("닫힌", "검은", "사라진", "깊은 밤", "지하", "아무도 없는", "침묵의", "낯선"),
    "historical": ("천하", "강호의", "무림", "옛", "푸른 검의", "객잔의", "비검", "구름 위"),
    "sports": ("끝내기", "마지막", "풀카운트", "역전의", "골목", "하프타임", "맨발의", "벤치의"),
    "sensibility": ("새벽의", "물빛", "느린", "바람의", "작은", "흐린 날의", "조용한", "종이"),
}
NOUNS = {
    "fantasy": ("기사", "마녀", "계승자", "성좌", "용사", "연금술사", "왕관", "던전"),
    "drama": ("계절", "골목", "이웃", "선택", "가족", "대답", "정류장", "사정"),
    "pure": ("고백", "남편", "온도", "연인", "약속", "편지", "왕자님", "우산"),
    "comic": ("소동", "회사", "반장", "슈퍼", "형제", "고양이", "상사", "부대"),
    "daily": ("일기", "식탁", "자취", "산책", "고양이", "육아", "화분", "출근길"),
    "action": ("주먹", "추격", "전쟁", "사냥꾼", "격투", "괴물", "결투", "도시"),
    "thrill": ("방", "목격자", "복도", "실종", "미행", "우물", "전화", "가면"),
    "historical": ("검객", "문파", "유랑", "비급", "협객", "혈투", "주막", "장군"),
    "sports": ("한 골", "투수", "코트", "주장", "슛", "라운드", "홈런", "질주"),
    "sensibility": ("노래", "엽서", "창가", "파도", "정원", "그림자", "기억", "서랍"),
}
FINAL_OFFSET = {  # in the Unicode block of Hangul syllables
    "": 0,
    "ㄴ": 4,
    "ㄹ": 8,
    "ㅇ": 21,
}


def person(rng: SeededRandom) -> str:
    """Sample a pen name of two or three syllables, sometimes in Latin letters."""
    if rng.chance(0.12):
        return rng.choice(LATIN) + rng.choice(LATIN).lower()
    return "".join(syllable(rng) for _ in range(rng.integer(2, 3)))


def syllable(rng: SeededRandom) -> str:
    """Sample a Hangul syllable, with a final consonant in three of seven cases."""
    return chr(ord(rng.choice(SYLLABLES)) + FINAL_OFFSET[rng.choice(FINALS)])


def work(rng: SeededRandom, genre: str) -> str:
    """Sample the name of a title of this genre, with an invented proper name in some."""
    opener, noun, name = rng.choice(OPENERS[genre]), rng.choice(NOUNS[genre]), person(rng)
    return rng.weighted_choice({f"{opener} {noun}": 0.5, f"{opener} {noun} {name}": 0.35, f"{opener} {name}": 0.15})
