/** The frame of the playground: five views, loaded when they are opened. */
import { readAddress } from "./state.js";
import { h } from "./ui/dom.js";

/** Fills an element with a view; gives back what ends it. */
export type Mount = (stage: HTMLElement, settings: URLSearchParams) => () => void;

const VIEWS: readonly {
  readonly name: string;
  readonly title: string;
  readonly load: () => Promise<{ mount: Mount }>;
}[] = [
  { name: "fit", title: "Fit your data", load: () => import("./views/fit.js") },
  { name: "saddle", title: "Saddle to saddle", load: () => import("./views/saddle.js") },
  { name: "predict", title: "Predict, then run", load: () => import("./views/predict.js") },
  { name: "phase", title: "Phase retrieval", load: () => import("./views/phase.js") },
  { name: "speed", title: "Speed", load: () => import("./views/speed.js") },
];

const content = document.querySelector("#content") as HTMLElement;
const list = document.querySelector("#views") as HTMLElement;
const links = VIEWS.map(({ name, title }) => h("a", { href: `#/${name}` }, title));
list.append(...links.map((link) => h("li", {}, link)));

let leave: (() => void) | undefined;
/** Counts views, so that one that loads slowly does not replace a later one. */
let shown = 0;

async function show(isFirst: boolean): Promise<void> {
  const turn = ++shown;
  const { view, settings } = readAddress();
  const at = Math.max(
    0,
    VIEWS.findIndex(({ name }) => name === view),
  );
  links.forEach((link, k) => {
    if (k === at) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  document.title = `${VIEWS[at].title} · leapflow playground`;
  leave?.();
  leave = undefined;
  const stage = h("div", { class: `view ${VIEWS[at].name}` });
  try {
    const { mount } = await VIEWS[at].load();
    if (turn !== shown) return;
    content.replaceChildren(stage);
    leave = mount(stage, settings);
  } catch (error) {
    if (turn !== shown) return;
    content.replaceChildren(
      h("p", { class: "note", role: "alert" }, `This view could not be loaded: ${String(error)}`),
    );
    return;
  }
  if (isFirst) return;
  scrollTo(0, 0);
  content.querySelector("h1")?.focus({ preventScroll: true });
}

document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  content.focus();
});
addEventListener("hashchange", () => void show(false));
void show(true);
