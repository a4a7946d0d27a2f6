"use strict";

const TEXTS = {
  en: {
    title: "Genre by drawing style", choose: "Choose pictures", results: "Results", api: "API",
    hint: "or drop them here, or paste one. Pictures are not stored.",
    footer: "Made by a model of webtoon thumbnails: it names a style, not what a picture shows.",
    working: (n) => `Reading ${n} ${n === 1 ? "picture" : "pictures"}…`, done: (n) => `${n} ${n === 1 ? "picture" : "pictures"} read.`,
    unlike: "Unlike the training pictures: do not rely on this.", heat: "What speaks for it (red) and against it (blue)",
    similar: "Titles nearest in style", failed: "The service does not answer. Try again.", none: "No picture was given.",
    distance: (value) => `distance ${value.toFixed(2)}`, more: "Show what speaks for it, and similar titles",
  },
  ko: {
    title: "그림체로 보는 장르", choose: "그림 고르기", results: "결과", api: "API",
    hint: "여기에 끌어다 놓거나 붙여 넣으세요. 그림은 저장되지 않습니다.",
    footer: "웹툰 썸네일로 학습한 모델입니다. 내용이 아니라 그림체를 봅니다.",
    working: (n) => `그림 ${n}개를 읽는 중…`, done: (n) => `그림 ${n}개를 읽었습니다.`,
    unlike: "학습한 그림과 다릅니다. 결과를 믿지 마세요.", heat: "장르를 뒷받침하는 곳(빨강)과 반대하는 곳(파랑)",
    similar: "그림체가 가까운 작품", failed: "서비스가 응답하지 않습니다. 다시 시도하세요.", none: "그림이 없습니다.",
    distance: (value) => `거리 ${value.toFixed(2)}`, more: "근거와 비슷한 작품 보기",
  },
};

let language = navigator.language.startsWith("ko") ? "ko" : "en";
let names = {};
const shown = [];
const find = (id) => document.getElementById(id);
const text = (key, ...values) => { const entry = TEXTS[language][key]; return typeof entry === "function" ? entry(...values) : entry; };

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function say(message, isError = false) {
  find("status").textContent = message;
  find("status").classList.toggle("error", isError);
}

function translate() {
  document.documentElement.lang = language;
  document.title = text("title");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  find("results").setAttribute("aria-label", text("results"));
  const button = find("language"), other = language === "en" ? "ko" : "en";
  button.textContent = other === "ko" ? "한국어" : "English";
  button.lang = other;
  find("results").replaceChildren(...shown.map(article));
}

const label = (code) => (names[code] ? names[code][language] : code);

function bars(probabilities) {
  const list = element("dl");
  for (const [code, value] of Object.entries(probabilities)) {
    const bar = element("div");
    bar.style.width = `${value * 100}%`;
    list.append(element("dt", {}, label(code)), element("dd", { "aria-hidden": "true" }, element("div", { class: "bar" }, bar)),
      element("dd", { class: "value" }, `${(value * 100).toFixed(1)}%`));
  }
  return list;
}

function article(item) {
  const { file, url, answer } = item;
  const body = element("div", {}, element("h2", {}, file.name));
  if (answer.error) {
    body.append(element("p", { class: "error" }, answer.error));
    return element("article", {}, element("div"), body);
  }
  if (answer.unlike) body.append(element("p", { class: "error" }, text("unlike")));
  body.append(bars(answer.probabilities));
  if (item.details) body.append(...details(item.details));
  else {
    const more = element("button", { type: "button" }, text("more"));
    more.addEventListener("click", () => explain(item));
    body.append(element("p", {}, more));
  }
  return element("article", {}, element("img", { src: url, alt: file.name }), body);
}

function details({ heat, titles }) {
  const figures = heat.map(({ label: code, image }) => element("figure", {},
    element("img", { src: image, alt: `${text("heat")}: ${label(code)}` }), element("figcaption", {}, label(code))));
  const rows = titles.map(({ title, genre, distance, example }) => element("li", {},
    ...(example ? [element("img", { src: example, alt: "" })] : []), element("div", {}, title),
    element("div", {}, `${genre.split(" ").map(label).join(", ")}, ${text("distance", distance)}`)));
  return [element("h3", {}, text("heat")), element("div", { class: "heat" }, ...figures),
    element("h3", {}, text("similar")), element("ul", {}, ...rows)];
}

async function send(path, files) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name || "pasted");
  const response = await fetch(path, { method: "POST", body: form });
  const answer = await response.json();
  if (!response.ok) throw new Error(typeof answer.detail === "string" ? answer.detail : text("failed"));
  return answer;
}

async function attempt(files, work) {
  find("results").setAttribute("aria-busy", "true");
  say(text("working", files.length));
  try {
    await work();
    say(text("done", files.length));
  } catch (error) {
    say(error instanceof TypeError || error instanceof SyntaxError ? text("failed") : error.message, true);
  }
  find("results").removeAttribute("aria-busy");
}

async function predict(files) {
  if (!files.length) return say(text("none"), true);
  return attempt(files, async () => {
    const { predictions } = await send("/predict", files);
    const items = predictions.map((answer, index) => ({ file: files[index], url: URL.createObjectURL(files[index]), answer }));
    shown.unshift(...items);
    find("results").prepend(...items.map(article));
  });
}

function explain(item) {
  return attempt([item.file], async () => {
    const [{ heat }, { pictures }] = await Promise.all([send("/explain", [item.file]), send("/similar?number=8", [item.file])]);
    item.details = { heat, titles: pictures[0].titles };
    find("results").children[shown.indexOf(item)].replaceWith(article(item));
  });
}

find("files").addEventListener("change", (event) => { predict([...event.target.files]); event.target.value = ""; });
find("language").addEventListener("click", () => { language = language === "en" ? "ko" : "en"; translate(); });
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) predict(files);
});
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => find("drop").classList.remove("over"));
document.addEventListener("drop", (event) => { event.preventDefault(); predict([...event.dataTransfer.files]); });
fetch("/names").then((response) => response.json()).then((value) => { names = value; translate(); });
translate();
