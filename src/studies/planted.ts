/** Study: traps of the problem with a known link, against rotational symmetry, its breaking and the dimension. */
import { cos, sin } from "../base/elementary.js";
import { wilsonInterval } from "../base/statistics.js";
import type { ChartPoint, Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { Link, plantedLoss, type TrapStudy, trapStudy } from "../theory/index.js";
import { compared, type Outcome, ofKind, type Study, sized } from "./study.js";
import { trapShare } from "./trapShares.js";

type TrapOptions = { readonly order: number; readonly mix: number; readonly dim: number; readonly trials: number };
type Traps = Pick<TrapStudy, "trials" | "planted" | "joint">;
type AngleOptions = { readonly order: number; readonly mix: number };
interface Landscape {
  readonly angles: readonly number[];
  readonly losses: readonly number[];
}

const DIM = 50;
const MIX = 0.5;
const ANGLES = 360;

export const planted: Study = {
  name: "planted",
  title: "Known links trap: learning the link as well sets free",
  question:
    "If the link is known and frozen, its symmetries make the gradient flow choose among equivalent frames before the weaker parts that tell them apart can be felt; then it is stuck. If the link is learnt along with the directions, theory says that no such traps exist. This study counts traps of targets R_k + c·R_{k+1}, where R_k looks the same after a turn by 360°/k.",

  jobs(scale, seed) {
    const trials = sized(scale, 60, 60, 400);
    const orders = sized(scale, [3], [2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8]);
    const mixes = sized(scale, [], [0.25, 0.75, 1, 1.25], [0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 1, 1.25, 1.5]);
    const dims = sized(scale, [], [10, 500], [10, 20, 100, 200, 500, 1000]);
    const cases = [
      ...orders.map((order) => ({ order, mix: MIX, dim: DIM })),
      ...mixes.map((mix) => ({ order: 3, mix, dim: DIM })),
      ...dims.map((dim) => ({ order: 3, mix: MIX, dim })),
      ...sized<readonly number[]>(scale, [], [], [1000]).map((dim) => ({ order: 2, mix: MIX, dim })),
    ];
    return [
      // Starts of its own for every case, so that the intervals are independent of one another.
      ...cases.map((one, i) => ({ kind: "traps", seed: seed + 1000 * i, options: { ...one, trials } })),
      ...[2, 3, 4, 5].map((order) => ({ kind: "landscape", seed, options: { order, mix: MIX } })),
    ];
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const watch = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
    if (kind === "landscape") return landscape(options as AngleOptions);
    const { order, mix, dim, trials } = options as TrapOptions;
    const link = Link.named("harmonic", { order, mix });
    const study = await trapStudy(link, { dim, trials, seed, ...watch });
    return { trials, planted: study.planted, joint: study.joint };
  },

  report(outcomes) {
    const traps = ofKind<TrapOptions, Traps>(outcomes, "traps");
    const landscapes = ofKind<AngleOptions, Landscape>(outcomes, "landscape");
    const joint = traps.reduce((sum, { result }) => sum + result.joint.trapped, 0);
    const trials = traps.reduce((sum, { result }) => sum + result.trials, 0);
    const freed: Finding = compared({
      statement: "share of starts that end in a trap when the link is learnt too, all targets together",
      source: "Bietti et al., benign landscape; [MI §6]",
      predicted: 0,
      measured: joint / trials,
      interval: wilsonInterval(joint, trials),
      note: `${joint} of ${trials} starts`,
      figure: "traps-by-symmetry",
    });
    const figures = [symmetryFigure(traps), mixFigure(traps), dimensionFigure(traps), landscapeFigure(landscapes)];
    return {
      seen: [
        `Known links trap often: with k-fold symmetry about k − 1 of k starts end in a wrong frame. From the very same starts, learning the link too, ${joint === 0 ? "none" : joint} of ${trials} flows was trapped.`,
        "The picture behind the prediction: first the frame turns into one of the k directions that R_k likes equally; then only the path along the circle of angles is left, and there the hills between the valleys are too high for the breaking part, as long as it is weak.",
        "The last two figures test that picture where it is not exact: a strong breaking part might act before the symmetric one has decided, and in a small dimension starts are close to the frames.",
        "With twofold symmetry the frame is not chosen as a whole: its two directions are found side by side, and the one that is early pulls the other over. An equation for the two cosines has 41 % there in place of one half, in every dimension.",
      ],
      findings: [freed, ...traps.map(trapFinding)],
      figures: figures.filter((figure) => figure !== undefined),
      tables: [trapTable(traps), landscapeTable(landscapes)],
    };
  },
};

/** Loss of the known link along the circle of frames that are turned in their own plane. */
function landscape({ order, mix }: AngleOptions): Landscape {
  const link = Link.named("harmonic", { order, mix });
  const angles = Array.from({ length: ANGLES + 1 }, (_, i) => (360 * i) / ANGLES - 180);
  const losses = angles.map((angle) => {
    const [c, s] = [cos((angle * Math.PI) / 180), sin((angle * Math.PI) / 180)];
    const turn = [
      [c, -s],
      [s, c],
    ];
    return plantedLoss(link, turn).loss / (1 + mix * mix);
  });
  return { angles, losses };
}

function trapFinding({ options, result }: Outcome<TrapOptions, Traps>): Finding {
  const { order, mix, dim } = options;
  return compared({
    statement: `share trapped with the link known: symmetry k = ${order}, breaking c = ${mix}, d = ${dim}`,
    source:
      order === 2
        ? "two cosines that grow side by side, derived in src/studies/trapShares.ts; the picture of [MI §6] has ½"
        : "Bietti et al., planted model; [MI §6]: wrong valleys of the circle of angles, 1 − 1/k for small c",
    predicted: trapShare(order, mix),
    measured: result.planted.probability,
    interval: result.planted.interval,
    ...(mix > MIX ? { beyond: true, note: "the picture is one of small c" } : {}),
    figure: mix !== MIX ? "traps-by-breaking" : dim !== DIM ? "traps-by-dimension" : "traps-by-symmetry",
  });
}

const shareOf = (x: number, { planted: share }: Traps): ChartPoint => ({
  x,
  y: share.probability,
  low: share.interval[0],
  high: share.interval[1],
});
const jointOf = (x: number, { joint }: Traps): ChartPoint => ({
  x,
  y: joint.probability,
  low: joint.interval[0],
  high: joint.interval[1],
});
const SHARE_AXIS = { label: "share of starts that end trapped", domain: [-0.02, 1] as const };

function curveFigure(
  name: string,
  title: string,
  caption: string,
  x: { readonly label: string; readonly log?: boolean },
  some: readonly Outcome<TrapOptions, Traps>[],
  at: (options: TrapOptions) => number,
  theory: readonly ChartPoint[],
): StudyFigure {
  const sorted = [...some].sort((a, b) => at(a.options) - at(b.options));
  return {
    name,
    chart: {
      title,
      description: `${title}: shares with 95 % intervals at ${sorted.length} values.`,
      panels: [
        {
          x,
          y: SHARE_AXIS,
          series: [
            {
              label: "link known, 95 %",
              color: 1,
              points: sorted.map(({ options, result }) => shareOf(at(options), result)),
            },
            { label: "predicted", kind: "dashes", color: 1, points: theory },
            {
              label: "link learnt, same starts",
              color: 0,
              points: sorted.map(({ options, result }) => jointOf(at(options), result)),
            },
          ],
        },
      ],
    },
    caption,
  };
}

function symmetryFigure(traps: readonly Outcome<TrapOptions, Traps>[]): StudyFigure {
  const some = traps.filter(({ options }) => options.mix === MIX && options.dim === DIM);
  return curveFigure(
    "traps-by-symmetry",
    `Traps against the symmetry of the link (c = ${MIX}, d = ${DIM})`,
    "Orange: the link is known and frozen; the dashes are 1 − 1/k, and for k = 2 an equation for the two cosines. Blue: the link is learnt, from the same starts.",
    { label: "k: the link looks the same after a turn by 360°/k" },
    some,
    ({ order }) => order,
    some.map(({ options: { order, mix } }) => ({ x: order, y: trapShare(order, mix) })),
  );
}

function mixFigure(traps: readonly Outcome<TrapOptions, Traps>[]): StudyFigure | undefined {
  const some = traps.filter(({ options }) => options.order === 3 && options.dim === DIM);
  if (some.length < 2) return undefined;
  const largest = Math.max(...some.map(({ options }) => options.mix));
  const theory = Array.from({ length: 121 }, (_, i) => ({
    x: (largest * i) / 120,
    y: trapShare(3, (largest * i) / 120),
  }));
  return curveFigure(
    "traps-by-breaking",
    `Traps against the strength of the breaking part (k = 3, d = ${DIM})`,
    "The dashed steps are the picture of the circle of angles: wrong valleys vanish when the breaking part is strong enough to tilt them away.",
    { label: "c: weight of the part that breaks the symmetry" },
    some,
    ({ mix }) => mix,
    theory,
  );
}

function dimensionFigure(traps: readonly Outcome<TrapOptions, Traps>[]): StudyFigure | undefined {
  const some = traps.filter(({ options }) => options.order === 3 && options.mix === MIX);
  if (some.length < 2) return undefined;
  const dims = some.map(({ options }) => options.dim).sort((a, b) => a - b);
  return curveFigure(
    "traps-by-dimension",
    `Traps against the dimension (k = 3, c = ${MIX})`,
    "The share does not fall with the dimension: traps are no accident of small problems.",
    { label: "dimension d (inputs)", log: true },
    some,
    ({ dim }) => dim,
    [dims[0], dims[dims.length - 1]].map((x) => ({ x, y: trapShare(3, MIX) })),
  );
}

function landscapeFigure(landscapes: readonly Outcome<AngleOptions, Landscape>[]): StudyFigure {
  return {
    name: "landscape",
    chart: {
      title: "The loss on the circle of angles, link known",
      description: "Loss against the angle by which the frame is turned from the truth, for four symmetries.",
      columns: 2,
      panels: landscapes.map(({ options, result }) => ({
        title: `k = ${options.order}, c = ${options.mix}`,
        x: { label: "angle from the truth, degrees" },
        y: { label: "loss / its size", domain: [-0.05, 2.05] as const },
        series: [
          {
            label: "loss",
            kind: "line" as const,
            color: 1,
            points: result.angles.map((x, i) => ({ x, y: result.losses[i] })),
          },
        ],
      })),
    },
    caption:
      "The truth is at 0°. Every other valley is a trap: it is at the bottom of a hill on both sides, and its loss is not 0.",
  };
}

function trapTable(traps: readonly Outcome<TrapOptions, Traps>[]): StudyTable {
  return {
    name: "traps",
    title: "Traps",
    columns: ["k", "c", "dim", "trials", "trappedKnown", "lower", "upper", "predicted", "trappedLearnt"],
    rows: traps.map(({ options: { order, mix, dim }, result }) => [
      order,
      mix,
      dim,
      result.trials,
      result.planted.trapped,
      ...result.planted.interval,
      trapShare(order, mix),
      result.joint.trapped,
    ]),
  };
}

function landscapeTable(landscapes: readonly Outcome<AngleOptions, Landscape>[]): StudyTable {
  return {
    name: "landscape",
    title: "Loss on the circle of angles",
    columns: ["k", "c", "degrees", "loss"],
    rows: landscapes.flatMap(({ options, result }) =>
      result.angles.map((angle, i) => [options.order, options.mix, angle, result.losses[i]]),
    ),
  };
}
