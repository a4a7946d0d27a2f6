"""The embedded site over HTTP: the API host, the image host, and pages for people at any other name; nothing outside loopback.

One port serves all. A client that treats it as a forward proxy (`GET http://image.demo.test/... HTTP/1.1`) reaches the two
canonical hosts; so does one that sends their name as Host. The image host refuses whoever comes without the API host's Referer.
"""

import json
import re
from urllib.parse import urlsplit

from aiohttp import web

from webtoon_genre.demo_site import answers, pages
from webtoon_genre.demo_site.art import pictures
from webtoon_genre.demo_site.world import Episode, Title, World

API_HOST, IMAGE_HOST = urlsplit(answers.API).netloc, urlsplit(answers.IMAGES).netloc
API_ROBOTS = "User-agent: *\nDisallow: /search\nDisallow: /login\nDisallow: /mypage\nAllow: /\n"
IMAGE_ROBOTS = "User-agent: *\nAllow: /\n"
WEEK = {day[:3].lower(): number for number, day in enumerate(answers.DAYS)}


def application(world: World) -> web.Application:
    """All three faces of the site."""
    site = Site(world)
    app = web.Application()
    app.add_domain(API_HOST, api(site))
    app.add_domain(IMAGE_HOST, images(site))
    app.add_routes(
        [
            web.get("/", site.index),
            web.get("/genre/{genre}", site.genre),
            web.get(r"/title/{title:\d+}", site.title),
            *picture_routes(site),
        ]
    )
    return app


def api(site: "Site") -> web.Application:
    """The API host."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/robots.txt", site.api_robots),
            web.get("/api/webtoon/titlelist/genre", site.genre_list),
            web.get("/api/webtoon/titlelist/weekday", site.weekday_list),
            web.get("/api/webtoon/titlelist/finished", site.finished_list),
            web.get("/api/article/list/info", site.title_info),
            web.get("/api/article/list", site.episode_list),
            web.get("/{rest:.*}", site.nothing),
        ]
    )
    return app


def images(site: "Site") -> web.Application:
    """The image host."""
    app = web.Application()
    app.add_routes([web.get("/robots.txt", site.image_robots), *picture_routes(site)])
    return app


def picture_routes(site: "Site") -> list[web.RouteDef]:
    """Covers and thumbnails."""
    return [
        web.get(r"/webtoon/{title:\d+}/thumbnail/{name}", site.cover),
        web.get(r"/webtoon/{title:\d+}/{no:\d+}/{name}", site.thumbnail),
    ]


class Site:
    """The handlers, and the World that they speak of."""

    def __init__(self, world: World):
        self.world = world

    async def api_robots(self, request: web.Request) -> web.Response:
        """What a crawler may ask the API host for."""
        return web.Response(text=API_ROBOTS)

    async def image_robots(self, request: web.Request) -> web.Response:
        """What a crawler may ask the image host for."""
        return web.Response(text=IMAGE_ROBOTS)

    async def genre_list(self, request: web.Request) -> web.Response:
        """The titles that bear a genre, first or second."""
        genre = request.query.get("genre", "").lower()
        if genre not in answers.LABELS:
            raise refusal(web.HTTPNotFound, f"genre {request.query.get('genre')!r} is unknown")
        return self._titles(request, [title for title in self._all() if genre in title.genres])

    async def weekday_list(self, request: web.Request) -> web.Response:
        """The running titles of one day, or of each."""
        week, order = request.query.get("week"), request.query.get("order", "user")
        if week is None:
            by_day = {day: self._running(number) for number, day in enumerate(answers.DAYS)}
            listed = {day: answers.title_items(self.world, titles, order) for day, titles in by_day.items()}
            return web.json_response({"titleListMap": listed})
        titles = self._running(WEEK[week.lower()]) if week.lower() in WEEK else []
        return web.json_response({"titleList": answers.title_items(self.world, titles, order)})

    async def finished_list(self, request: web.Request) -> web.Response:
        """The titles to which nothing will be added."""
        return self._titles(request, [title for title in self._all() if title.times.finished(self.world.as_of)])

    async def title_info(self, request: web.Request) -> web.Response:
        """A title's own page."""
        return web.json_response(answers.title_info(self.world, self._title(request.query.get("titleId", ""))))

    async def episode_list(self, request: web.Request) -> web.Response:
        """A page of a title's episodes; those of titles for adults need a login, which nobody has."""
        title = self._title(request.query.get("titleId", ""))
        if title.adult:
            raise refusal(web.HTTPUnauthorized, "login required")
        sort = request.query.get("sort", "DESC")
        return web.json_response(answers.episode_list(self.world, title, page_of(request), sort))

    async def nothing(self, request: web.Request) -> web.Response:
        """Any other address of the API host."""
        raise refusal(web.HTTPNotFound, f"{request.path} is not here")

    async def cover(self, request: web.Request) -> web.Response:
        """A title's cover."""
        self._check_referer(request)
        title = self._title(request.match_info["title"])
        if request.path != answers.cover_path(self.world, title):
            raise web.HTTPNotFound
        return self._picture(title, -1)

    async def thumbnail(self, request: web.Request) -> web.Response:
        """An episode's thumbnail, also that of a preview."""
        self._check_referer(request)
        title = self._title(request.match_info["title"])
        episode = self._episode(title, int(request.match_info["no"]))
        if request.path != answers.thumbnail_path(self.world, title, episode):
            raise web.HTTPNotFound
        return self._picture(title, episode.slot)

    async def index(self, request: web.Request) -> web.Response:
        """The genres, for people."""
        return page(pages.index(self.world))

    async def genre(self, request: web.Request) -> web.Response:
        """A genre's titles, for people."""
        name = request.match_info["genre"]
        if name not in answers.LABELS:
            raise web.HTTPNotFound
        return page(pages.genre(self.world, name))

    async def title(self, request: web.Request) -> web.Response:
        """A title's thumbnails, for people."""
        return page(pages.title(self.world, self._title(request.match_info["title"])))

    def _all(self) -> list[Title]:
        return list(self.world.titles.values())

    def _running(self, weekday: int) -> list[Title]:
        return [
            title
            for title in self._all()
            if title.times.first.weekday() == weekday and not title.times.finished(self.world.as_of)
        ]

    def _titles(self, request: web.Request, titles: list[Title]) -> web.Response:
        order = request.query.get("order", "user")
        return web.json_response(answers.title_list(self.world, titles, order, page_of(request)))

    def _title(self, text: str) -> Title:
        title = self.world.titles.get(int(text)) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else None
        if title is None:
            raise refusal(web.HTTPNotFound, f"titleId {text!r} is unknown")
        return title

    def _episode(self, title: Title, no: int) -> Episode:
        for episode in self.world.episodes(title):
            if episode.no == no:
                return episode
        raise web.HTTPNotFound

    def _check_referer(self, request: web.Request) -> None:
        """The image host serves readers of the API host; any other name serves readers of its own pages."""
        reader = API_HOST if request.host == IMAGE_HOST else request.host
        if not request.headers.get("Referer", "").startswith(f"http://{reader}/"):
            raise web.HTTPForbidden

    def _picture(self, title: Title, slot: int) -> web.Response:
        body = pictures.served(self.world.seed, title, slot)
        return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})


def page(html: str) -> web.Response:
    """HTML for people."""
    return web.Response(text=html, content_type="text/html")


def page_of(request: web.Request) -> int:
    """The page asked for, from 1."""
    text = request.query.get("page", "1")
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise refusal(web.HTTPBadRequest, f"page {text!r} is not a number from 1")
    return int(text)


def refusal(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    """An HTTP error with a JSON body."""
    return kind(text=json.dumps({"code": kind.status_code, "message": message}), content_type="application/json")
