/** Frozen random Hermite features h_k(⟨v, x⟩): directions and degrees, least squares on them, and what they miss in the population. */
import type { Rng } from "../base/rng.js";
import { hermite, hermiteDerivative, type Link, multiIndices } from "../theory/index.js";
import { cholesky, forwardSolve } from "./linear.js";

/** A feature h_degree(⟨direction, x⟩), |direction| = 1. */
export interface Node {
  readonly direction: readonly number[];
  readonly degree: number;
}

/** A pivot below this part of the diagonal belongs to a feature that lies in the span of those before it. */
const DEPENDENT = 1e-9;

/**
 * Nodes on the sphere, of degrees 1 to `degree` in turn: degree k as often as it has monomials in `rank` variables, so that as
 * few nodes as there are monomials fill them all.
 */
export function drawNodes(count: number, inputs: number, rank: number, degree: number, rng: Rng): Node[] {
  const round = multiIndices(rank, degree)
    .map((beta) => beta.reduce((sum, b) => sum + b, 0))
    .filter((k) => k > 0);
  return Array.from({ length: count }, (_, j) => {
    const direction = Array.from({ length: inputs }, () => rng.normal());
    const norm = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0));
    return { direction: direction.map((v) => v / norm), degree: round[j % round.length] };
  });
}

const along = ({ direction }: Node, x: ArrayLike<number>, at = 0): number => {
  let sum = 0;
  for (let j = 0; j < direction.length; j++) sum += direction[j] * x[at + j];
  return sum;
};

/** The value of a node, and its derivative by x. */
export const nodeValue = (node: Node, x: ArrayLike<number>, at = 0): number =>
  hermite(along(node, x, at), node.degree)[node.degree];
export const nodeDerivative = (node: Node, x: ArrayLike<number>): number[] => {
  const slope = hermiteDerivative(along(node, x), node.degree)[node.degree];
  return node.direction.map((v) => v * slope);
};

/** x^k by multiplication: the engine's own power has other last digits elsewhere. */
const power = (x: number, k: number): number => (k === 0 ? 1 : x * power(x, k - 1));

/** What is left of a target. */
export interface Rest {
  /** E f² of what no combination of the nodes and a constant gives. */
  readonly missed: number;
  /** Independent features, the constant among them. */
  readonly independent: number;
}

/**
 * The part of f(Uᵀx), x Gaussian, that a constant and nodes on directions Vⱼ miss, whatever their weights. Different degrees are
 * orthogonal; within degree k, E h_k(⟨u,x⟩)h_k(⟨v,x⟩) = ⟨u,v⟩^k, and E f h_k(⟨v,x⟩) is the k-th form of f at Uᵀv.
 *
 * @param shadow - Uᵀv of every node, r numbers each
 * Cost: O(Σ N_k³) for N_k nodes of degree k.
 */
export function populationRest(link: Link, nodes: readonly Node[], shadow: (node: Node) => ArrayLike<number>): Rest {
  const indices = multiIndices(link.rank, link.degree);
  let missed = 0;
  let independent = 1;
  for (let k = 1; k <= link.degree; k++) {
    const form = indices.flatMap((beta, i) =>
      beta.reduce((sum, b) => sum + b, 0) === k ? [{ beta, c: link.coefficients[i] }] : [],
    );
    missed += form.reduce((sum, { c }) => sum + c * c, 0);
    const some = nodes.filter(({ degree }) => degree === k);
    // Rows of the Cholesky factor of the nodes that are independent, and the target's coordinate along each.
    const kept: { node: Node; row: number[]; target: number }[] = [];
    for (const node of some) {
      const row: number[] = [];
      let square = 1;
      let target = formAt(form, k, shadow(node));
      for (const before of kept) {
        let value = power(along(node, before.node.direction), k);
        for (let j = 0; j < row.length; j++) value -= row[j] * before.row[j];
        value /= before.row[row.length];
        row.push(value);
        square -= value * value;
        target -= value * before.target;
      }
      if (square < DEPENDENT) continue;
      const pivot = Math.sqrt(square);
      kept.push({ node, row: [...row, pivot], target: target / pivot });
      missed -= (target / pivot) ** 2;
    }
    independent += kept.length;
  }
  return { missed: Math.max(0, missed), independent };
}

/** Σ c_β √(k!/β!) u^β over |β| = k: the inner product of f with h_k(⟨v, x⟩), u the part of v in the span of f. */
function formAt(form: readonly { beta: readonly number[]; c: number }[], k: number, u: ArrayLike<number>): number {
  const factorial = (m: number): number => (m < 2 ? 1 : m * factorial(m - 1));
  return form.reduce(
    (sum, { beta, c }) =>
      sum +
      c *
        Math.sqrt(factorial(k) / beta.reduce((p, b) => p * factorial(b), 1)) *
        beta.reduce((p, b, j) => p * power(u[j], b), 1),
    0,
  );
}

/**
 * Weights of the nodes, the constant last, by ridge regression with a ridge that only keeps dependent nodes apart.
 *
 * @param x - n×d row-major
 */
export function fitNodes(nodes: readonly Node[], x: Float64Array, y: ArrayLike<number>): Float64Array {
  const n = y.length;
  const p = nodes.length + 1;
  const d = x.length / n;
  const gram = new Float64Array(p * p);
  const weights = new Float64Array(p);
  const row = new Float64Array(p).fill(1);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p - 1; j++) row[j] = nodeValue(nodes[j], x, i * d);
    for (let a = 0; a < p; a++) {
      weights[a] += row[a] * y[i];
      for (let b = 0; b <= a; b++) gram[a * p + b] += row[a] * row[b];
    }
  }
  for (let a = 0; a < p; a++) gram[a * p + a] += 1e-6 * n;
  const l = cholesky(gram, p);
  forwardSolve(l, p, weights);
  for (let i = p - 1; i >= 0; i--) {
    for (let k = i + 1; k < p; k++) weights[i] -= l[k * p + i] * weights[k];
    weights[i] /= l[i * p + i];
  }
  return weights;
}
