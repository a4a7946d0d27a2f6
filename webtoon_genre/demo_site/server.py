"""The demo site over HTTP: the API host, the image host, and pages for people under any other host name; nothing outside loopback.

One port serves all of them. A client reaches the two canonical hosts by using the port as a forward proxy
(`GET http://image.demo.test/... HTTP/1.1`) or by sending their name as Host. The image host requires a Referer of the API host.
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
    """Return the application of both hosts and of the pages."""
    site = Site(world)
    app = web.Application()
    app.add_domain(API_HOST, api_application(site))
    app.add_domain(IMAGE_HOST, image_application(site))
    app.add_routes(
        [
            web.get("/", site.index),
            web.get("/genre/{genre}", site.genre),
            web.get(r"/title/{title:\d+}", site.title),
            *picture_routes(site),
        ]
    )
    return app


def api_application(site: "Site") -> web.Application:
    """Return the application of the API host."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/robots.txt", site.api_robots),
            web.get("/api/webtoon/titlelist/genre", site.genre_list),
            web.get("/api/webtoon/titlelist/weekday", site.weekday_list),
            web.get("/api/webtoon/titlelist/finished", site.finished_list),
            web.get("/api/article/list/info", site.title_info),
            web.get("/api/article/list", site.episode_list),
            web.get("/{rest:.*}", site.not_found),
        ]
    )
    return app


def image_application(site: "Site") -> web.Application:
    """Return the application of the image host."""
    app = web.Application()
    app.add_routes([web.get("/robots.txt", site.image_robots), *picture_routes(site)])
    return app


def picture_routes(site: "Site") -> list[web.RouteDef]:
    """Return the routes of covers and thumbnails."""
    return [
        web.get(r"/webtoon/{title:\d+}/thumbnail/{name}", site.cover),
        web.get(r"/webtoon/{title:\d+}/{no:\d+}/{name}", site.thumbnail),
    ]


class Site:
    """The handlers of the site for one World."""

    def __init__(self, world: World):
        self.world = world

    async def api_robots(self, request: web.Request) -> web.Response:
        """Answer with the robots rules of the API host."""
        return web.Response(text=API_ROBOTS)

    async def image_robots(self, request: web.Request) -> web.Response:
        """Answer with the robots rules of the image host."""
        return web.Response(text=IMAGE_ROBOTS)

    async def genre_list(self, request: web.Request) -> web.Response:
        """Answer with the titles of a genre, be it their first or second one."""
        genre = request.query.get("genre", "").lower()
        if genre not in answers.LABELS:
            raise json_error(web.HTTPNotFound, f"genre {request.query.get('genre')!r} is unknown")
        return self._title_list(request, [title for title in self._all_titles() if genre in title.genres])

    async def weekday_list(self, request: web.Request) -> web.Response:
        """Answer with the unfinished titles of one weekday, or of every weekday."""
        week, order = request.query.get("week"), request.query.get("order", "user")
        if week is None:
            by_day = {day: self._running_titles(number) for number, day in enumerate(answers.DAYS)}
            items = {day: answers.title_items(self.world, titles, order) for day, titles in by_day.items()}
            return web.json_response({"titleListMap": items})
        titles = self._running_titles(WEEK[week.lower()]) if week.lower() in WEEK else []
        return web.json_response({"titleList": answers.title_items(self.world, titles, order)})

    async def finished_list(self, request: web.Request) -> web.Response:
        """Answer with the finished titles."""
        return self._title_list(
            request, [title for title in self._all_titles() if title.timetable.finished(self.world.as_of)]
        )

    async def title_info(self, request: web.Request) -> web.Response:
        """Answer with the page of a title."""
        return web.json_response(answers.title_info(self.world, self._title(request.query.get("titleId", ""))))

    async def episode_list(self, request: web.Request) -> web.Response:
        """Answer with a page of a title's episodes; those of titles for adults need a login, which does not exist."""
        title = self._title(request.query.get("titleId", ""))
        if title.adult:
            raise json_error(web.HTTPUnauthorized, "login required")
        sort = request.query.get("sort", "DESC")
        return web.json_response(answers.episode_list(self.world, title, page_number(request), sort))

    async def not_found(self, request: web.Request) -> web.Response:
        """Refuse any other address of the API host."""
        raise json_error(web.HTTPNotFound, f"{request.path} is not here")

    async def cover(self, request: web.Request) -> web.Response:
        """Answer with the cover of a title."""
        self._check_referer(request)
        title = self._title(request.match_info["title"])
        if request.path != answers.cover_path(self.world, title):
            raise web.HTTPNotFound
        return self._picture(title, -1)

    async def thumbnail(self, request: web.Request) -> web.Response:
        """Answer with the thumbnail of an episode, paid previews included."""
        self._check_referer(request)
        title = self._title(request.match_info["title"])
        episode = self._episode(title, int(request.match_info["no"]))
        if request.path != answers.thumbnail_path(self.world, title, episode):
            raise web.HTTPNotFound
        return self._picture(title, episode.slot)

    async def index(self, request: web.Request) -> web.Response:
        """Answer with the HTML index of genres."""
        return html_response(pages.index_page(self.world))

    async def genre(self, request: web.Request) -> web.Response:
        """Answer with the HTML page of a genre."""
        name = request.match_info["genre"]
        if name not in answers.LABELS:
            raise web.HTTPNotFound
        return html_response(pages.genre_page(self.world, name))

    async def title(self, request: web.Request) -> web.Response:
        """Answer with the HTML page of a title."""
        return html_response(pages.title_page(self.world, self._title(request.match_info["title"])))

    def _all_titles(self) -> list[Title]:
        return list(self.world.titles.values())

    def _running_titles(self, weekday: int) -> list[Title]:
        return [
            title
            for title in self._all_titles()
            if title.timetable.first.weekday() == weekday and not title.timetable.finished(self.world.as_of)
        ]

    def _title_list(self, request: web.Request, titles: list[Title]) -> web.Response:
        order = request.query.get("order", "user")
        return web.json_response(answers.title_list(self.world, titles, order, page_number(request)))

    def _title(self, text: str) -> Title:
        title = self.world.titles.get(int(text)) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else None
        if title is None:
            raise json_error(web.HTTPNotFound, f"titleId {text!r} is unknown")
        return title

    def _episode(self, title: Title, no: int) -> Episode:
        for episode in self.world.episodes(title):
            if episode.no == no:
                return episode
        raise web.HTTPNotFound

    def _check_referer(self, request: web.Request) -> None:
        """Require a Referer: that of the API host on the image host, else that of the same host."""
        host = API_HOST if request.host == IMAGE_HOST else request.host
        if not request.headers.get("Referer", "").startswith(f"http://{host}/"):
            raise web.HTTPForbidden

    def _picture(self, title: Title, slot: int) -> web.Response:
        body = pictures.thumbnail_bytes(self.world.seed, title, slot)
        return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})


def html_response(html: str) -> web.Response:
    """Return a response with HTML."""
    return web.Response(text=html, content_type="text/html")


def page_number(request: web.Request) -> int:
    """Return the requested page, from 1."""
    text = request.query.get("page", "1")
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise json_error(web.HTTPBadRequest, f"page {text!r} is not a number from 1")
    return int(text)


def json_error(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    """Return an HTTP error with a JSON body."""
    return kind(text=json.dumps({"code": kind.status_code, "message": message}), content_type="application/json")
