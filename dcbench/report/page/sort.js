// Tables sort by a click on a head; without this script they are read as they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const order = [...body.rows];
  const value = (row, place) => {
    const cell = row.cells[place];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number.parseFloat(text);
    return Number.isNaN(number) || !/^[\d.]/.test(text) ? text : number;
  };
  const compare = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    if (typeof one === "number") return -1;
    if (typeof other === "number") return 1;
    return one.localeCompare(other);
  };
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const now = before === "descending" ? "ascending" : before === "ascending" ? null : "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (now) head.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1;
      const rows = now ? [...order].sort((a, b) => {
        const [x, y] = [value(a, place), value(b, place)];
        // What is missing stands last whatever the direction.
        if ((x === "-") !== (y === "-")) return x === "-" ? 1 : -1;
        return sign * compare(x, y);
      }) : order;
      body.append(...rows);
    });
  });
}
// A link to a number opens what is folded around it.
const open = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", open);
open();
