/** Where rows come from: a file that is dropped or picked, the bundled tables, rows drawn from a known model. */
import concrete from "../../../data/concrete/train.csv?url";
import diabetes from "../../../data/diabetes/train.csv?url";
import type { DataSource } from "../jobs/jobs.js";
import { h } from "../ui/dom.js";

const bundled = (address: string, name: string) => (): DataSource => ({
  kind: "address",
  address: new URL(address, location.href).href,
  name,
});

/** Tables to choose from; the real ones keep their licences, named in the repository's data folder. */
export const BUNDLED = {
  concrete: { title: "concrete: strength of 772 mixes", source: bundled(concrete, "concrete.csv") },
  diabetes: { title: "diabetes: progress of 332 patients", source: bundled(diabetes, "diabetes.csv") },
  planted: {
    title: "made up: 2 directions in 10 inputs",
    source: (): DataSource => ({ kind: "planted", link: "z1*z2 + z1", dim: 10, samples: 1500, noiseStd: 0.2, seed: 1 }),
  },
  large: {
    title: "made up: 20 000 rows of 50 inputs",
    source: (): DataSource => ({
      kind: "planted",
      link: "tanh(2*z1) + z1*z2",
      dim: 50,
      samples: 20_000,
      noiseStd: 0.2,
      seed: 1,
    }),
  },
} as const;

export type BundledName = keyof typeof BUNDLED;

/** A place to drop a file on, or to pick one by mouse or keyboard. */
export function dropZone(onFile: (file: File) => void): HTMLElement {
  const input = h("input", {
    type: "file",
    class: "unseen",
    accept: ".csv,.tsv,.txt,.gz,.parquet,.arrow,.feather,.npy,.json,.jsonl,.ndjson",
  });
  input.addEventListener("change", () => {
    if (input.files?.[0]) onFile(input.files[0]);
    // The same file again is a choice, too.
    input.value = "";
  });
  const zone = h(
    "label",
    { class: "drop" },
    h("b", {}, "Drop a table here"),
    h("small", {}, "or press to pick one: CSV, Parquet, Arrow, NPY, JSON lines. It stays in this page."),
    input,
  );
  const over = (is: boolean) => (event: DragEvent) => {
    event.preventDefault();
    zone.classList.toggle("over", is);
  };
  zone.addEventListener("dragenter", over(true));
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    const file = event.dataTransfer?.files[0];
    if (file) onFile(file);
  });
  return zone;
}
