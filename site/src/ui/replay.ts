/** Plays something from 0 to 1: a button, a slider that can be dragged instead, and no motion for those who want none. */
import { h, isCalm } from "./dom.js";

const DURATION_MS = 9000;

export class Replay {
  readonly element: HTMLElement;
  readonly #show: (share: number) => void;
  readonly #slider: HTMLInputElement;
  readonly #button: HTMLButtonElement;
  #frame = 0;
  #from = 0;
  #startedAt = 0;

  constructor(label: string, show: (share: number) => void) {
    this.#show = show;
    this.#slider = h("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": label });
    this.#slider.addEventListener("input", () => {
      this.#pause();
      show(Number(this.#slider.value) / 1000);
    });
    this.#button = h("button", { type: "button", class: "main play", click: () => this.#toggle() }, "Play");
    this.element = h("div", { class: "replay" }, this.#button, this.#slider);
  }

  /** From the beginning; at once at the end for those who want less motion. */
  restart(): void {
    if (isCalm()) {
      this.#pause();
      this.#set(1);
    } else this.#play(0);
  }

  dispose(): void {
    this.#pause();
  }

  #toggle(): void {
    if (this.#frame !== 0) this.#pause();
    else {
      const at = Number(this.#slider.value) / 1000;
      this.#play(at >= 1 ? 0 : at);
    }
  }

  #play(from: number): void {
    this.#pause();
    this.#from = from;
    this.#startedAt = performance.now();
    this.#button.textContent = "Pause";
    const tick = (): void => {
      const share = Math.min(1, this.#from + (performance.now() - this.#startedAt) / DURATION_MS);
      this.#set(share);
      if (share < 1) this.#frame = requestAnimationFrame(tick);
      else this.#pause();
    };
    this.#frame = requestAnimationFrame(tick);
  }

  #pause(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#button.textContent = Number(this.#slider.value) >= 1000 ? "Play again" : "Play";
  }

  #set(share: number): void {
    this.#slider.value = String(Math.round(1000 * share));
    this.#show(share);
  }
}
