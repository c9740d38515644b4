/** What the page asks its worker for: inputs, news on the way, outputs. Everything here can be copied between threads. */

export interface JobContext<News> {
  readonly signal: AbortSignal;
  tell(news: News, transfer?: Transferable[]): void;
}

export type Job<K extends JobName> = (
  input: Jobs[K]["input"],
  context: JobContext<Jobs[K]["news"]>,
) => Promise<Jobs[K]["output"]>;

export type JobName = keyof Jobs;

/** Every job. */
export interface Jobs {
  open: { input: DataSource; news: never; output: TableInfo };
  fit: { input: FitInput; news: FitNews; output: FitOutput };
  saddle: { input: SaddleInput; news: never; output: SaddleOutput };
  traps: { input: TrapInput; news: TrapNews; output: { readonly trials: number } };
  predict: { input: PredictInput; news: { readonly done: number }; output: PredictOutput };
  simulate: { input: SimulateInput; news: TrialNews; output: SimulateOutput };
  transition: { input: TransitionInput; news: TransitionNews; output: TransitionOutput };
  phase: { input: PhaseInput; news: PhaseNews; output: PhaseOutput };
  speed: { input: SpeedInput; news: SpeedNews; output: { readonly done: true } };
}

/** A dropped file, a table at an address of the same origin, or rows drawn from a known model. */
export type DataSource =
  | { readonly kind: "file"; readonly file: File }
  | { readonly kind: "address"; readonly address: string; readonly name: string }
  | {
      readonly kind: "planted";
      readonly link: string;
      readonly dim: number;
      readonly samples: number;
      readonly noiseStd: number;
      readonly seed: number;
    };

export interface TableInfo {
  readonly name: string;
  readonly rows: number | undefined;
  readonly columns: readonly { readonly name: string; readonly numeric: boolean }[];
  /** The first rows, as text. */
  readonly head: readonly (readonly string[])[];
}

export interface FitInput {
  readonly target: string;
  readonly columns: readonly string[];
  readonly rank: number | "auto";
  readonly degree: number | "auto";
  readonly seed: number;
  readonly testFraction: number;
}

export interface FitNews {
  readonly phase: "reading" | "search" | "screening" | "descent" | "report";
  readonly rank: number;
  readonly degree: number;
  readonly iteration: number;
  /** Mean squared residual, ridge included, as a share of the variance of y. */
  readonly loss: number;
  /** Root mean square slope along each principal direction, descending; absent between two looks. */
  readonly slopes?: readonly number[];
  readonly elapsedMs: number;
}

export interface FitOutput {
  readonly summary: string;
  readonly rank: number;
  readonly degree: number | null;
  readonly dim: number;
  readonly samples: number;
  readonly testSamples: number;
  readonly r2Train: number;
  readonly r2HeldOut: number;
  readonly r2Test: number | undefined;
  readonly importance: readonly { readonly name: string; readonly share: number }[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly stop: string;
  readonly kernel: string;
  readonly elapsedMs: number;
  /** The model file, and the report as a page of HTML. */
  readonly model: string;
  readonly report: string;
  /** Its figures by part; `data-style` stands for `style`. */
  readonly figures: readonly { readonly part: string; readonly markup: string }[];
}

export interface SaddleInput {
  readonly link: string;
  readonly dim: number;
  readonly seed: number;
}

export interface PlateauInfo {
  readonly level: number;
  readonly exponent: number;
  readonly count: number;
  readonly coefficient: number;
  readonly predictedTime: number;
  readonly escapeTime: number | undefined;
}

export interface SaddleOutput {
  readonly rank: number;
  readonly degree: number;
  readonly times: Float64Array;
  readonly loss: Float64Array;
  /** By singular value. */
  readonly singularValues: readonly Float64Array[];
  /** Cosine between the learner's subspace and each direction of the link, in the order in which they are learnt. */
  readonly cosines: readonly Float64Array[];
  readonly plateaus: readonly PlateauInfo[];
  readonly stop: string;
  /** Loss over the cosines with two directions, size×size, rows from 0 to 1 along the second. */
  readonly map: { readonly size: number; readonly loss: Float64Array } | undefined;
}

export interface TrapInput {
  readonly link: string;
  readonly dim: number;
  readonly seed: number;
  readonly trials: number;
}

/** A curve of one trial: loss as a share of the variance of the link. */
export interface TrapCurve {
  readonly times: Float64Array;
  readonly loss: Float64Array;
  readonly trapped: boolean;
}

export interface TrapNews {
  readonly trial: number;
  readonly planted: TrapCurve;
  readonly joint: TrapCurve;
}

export interface PredictInput {
  readonly link: string;
  readonly noiseStd: number;
  readonly ratio: number;
  readonly ridge: number;
  readonly stepSize: number;
  readonly steps: number;
  readonly seed: number;
}

export interface Curves {
  readonly cosine: Float64Array;
  readonly squaredError: Float64Array;
  readonly trainLoss: Float64Array;
  readonly testLoss: Float64Array;
}

export interface PredictOutput {
  readonly curves: Curves;
  readonly errors: Curves | undefined;
  readonly start: string;
  readonly warnings: readonly string[];
  readonly elapsedMs: number;
}

export interface SimulateInput extends PredictInput {
  readonly dim: number;
  readonly trials: number;
}

export interface TrialNews {
  readonly trial: number;
  readonly curves: Curves;
}

export interface SimulateOutput {
  readonly samples: number;
  readonly elapsedMs: number;
}

export interface TransitionInput {
  readonly link: string;
  readonly noiseStd: number;
  readonly ratios: readonly number[];
}

export interface TransitionNews {
  readonly ratio: number;
  readonly overlap: number;
}

export interface TransitionOutput {
  /** Of the spectral start in use; Infinity when there is none. */
  readonly threshold: number;
  readonly preprocess: string;
}

export type PhaseMethod = "twf" | "rwf" | "rational" | "wf";

export interface PhaseInput {
  readonly rows: number;
  readonly columns: number;
  /** Brightness 0 to 1, one array a color. */
  readonly bands: readonly Float64Array[];
  readonly masks: number;
  readonly noise: number;
  readonly method: PhaseMethod;
  readonly seed: number;
}

export type PhaseNews =
  | { readonly kind: "measured"; readonly pattern: Float64Array }
  | {
      readonly kind: "step";
      readonly iteration: number;
      readonly error: number;
      readonly bands: readonly Float64Array[] | undefined;
    };

export interface PhaseOutput {
  readonly bands: readonly Float64Array[];
  readonly iterations: number;
  readonly relativeError: number;
  readonly stop: string;
  readonly measurements: number;
  readonly elapsedMs: number;
}

export interface SpeedInput {
  /** Repetitions of every measurement. */
  readonly repetitions: number;
}

export interface SpeedNews {
  readonly name: string;
  readonly detail: string;
  readonly done: number;
  readonly total: number;
  /** Medians. */
  readonly wasmMs: number;
  readonly referenceMs: number;
  readonly sameBits: boolean;
  /** Which kernel ran when WebAssembly was asked for, and why if it was another. */
  readonly kernel: string;
}
