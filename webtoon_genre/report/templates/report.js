"use strict";
// Without this script all is readable: tables are in their order, and links lead to what a panel shows.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        const data = cell.dataset.sort ?? cell.querySelector("data")?.value ?? cell.textContent.trim();
        const number = data === "" ? NaN : Number(data);
        return Number.isNaN(number) ? data : number;
      };
      const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => down * compare(a, b));
      table.tBodies[0].append(...rows.map(([, row]) => row));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
    });
  });
}
const panel = document.createElement("div");
panel.id = "panel";
panel.hidden = true;
panel.setAttribute("aria-hidden", "true");  // its content is on the page already
document.body.append(panel);
function show(link) {
  const target = document.getElementById(link.hash.slice(1));
  panel.innerHTML = target.innerHTML;
  panel.hidden = false;
  const box = link.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - panel.offsetWidth - 8);
  const below = box.bottom + 6 + panel.offsetHeight < window.innerHeight;
  panel.style.left = `${Math.max(4, left) + window.scrollX}px`;
  panel.style.top = `${(below ? box.bottom + 6 : Math.max(4, box.top - panel.offsetHeight - 6)) + window.scrollY}px`;
}
function hide() { panel.hidden = true; }
for (const link of document.querySelectorAll("a.popup")) {
  link.addEventListener("mouseenter", () => show(link));
  link.addEventListener("focus", () => show(link));
  link.addEventListener("mouseleave", hide);
  link.addEventListener("blur", hide);
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
function open() {  // a link into a closed part opens it
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", open);
open();
window.addEventListener("beforeprint", () => document.querySelectorAll("details:not(.numbers)").forEach((part) => { part.open = true; }));
