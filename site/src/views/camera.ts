/** The camera, asked for only when somebody presses its button, and closed as soon as a picture is taken. */

import { messageOf } from "../jobs/desk.js";
import { h } from "../ui/dom.js";
import { button } from "../ui/fields.js";

export class Camera {
  readonly element: HTMLElement;
  readonly #video = h("video", { muted: true, playsinline: true, hidden: true, "aria-label": "What the camera sees" });
  readonly #open: HTMLButtonElement;
  readonly #take: HTMLButtonElement;
  readonly #onPicture: (picture: Blob) => void;
  readonly #onFailure: (text: string) => void;
  #stream: MediaStream | undefined;

  constructor(onPicture: (picture: Blob) => void, onFailure: (text: string) => void) {
    this.#onPicture = onPicture;
    this.#onFailure = onFailure;
    this.#open = button("Use the camera", () => void this.#start());
    this.#take = button("Take the picture", () => void this.#shoot(), "main");
    this.#take.hidden = true;
    this.element = h("div", { class: "camera" }, this.#video, this.#open, this.#take);
    // Pages that are not served securely have no camera.
    this.element.hidden = navigator.mediaDevices === undefined;
  }

  /** Closes the camera. */
  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
    this.#video.hidden = true;
    this.#take.hidden = true;
    this.#open.hidden = false;
  }

  async #start(): Promise<void> {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "user", width: { ideal: 480 } },
        audio: false,
      });
      this.#video.srcObject = this.#stream;
      this.#video.hidden = false;
      this.#open.hidden = true;
      this.#take.hidden = false;
      await this.#video.play();
      this.#take.focus();
    } catch (error) {
      this.stop();
      this.#onFailure(`The camera could not be used: ${messageOf(error)}`);
    }
  }

  async #shoot(): Promise<void> {
    const canvas = new OffscreenCanvas(this.#video.videoWidth, this.#video.videoHeight);
    canvas.getContext("2d")?.drawImage(this.#video, 0, 0);
    this.stop();
    this.#onPicture(await canvas.convertToBlob());
  }
}
