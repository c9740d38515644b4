/** Says what can be learned of a link, in which order and after how long, before there are any data. Run: node examples/leaps.mjs */
import { Link, leapExponents, populationFlow, trapStudy } from "leapflow/theory";

const link = Link.parse("z1 + h3(z2)");
for (const { exponent, dimensions } of leapExponents(link).steps) {
  const law = exponent === 1 ? "log d" : `d^${exponent - 1}`;
  console.log(`leap ${exponent}: ${dimensions} new direction, after a time of order ${law}`);
}

for (const dim of [100, 1000, 10000]) {
  const { escapes } = await populationFlow(link, { dim, rank: 2, seed: 1 });
  console.log(`d = ${dim}: learnt at times ${escapes.map(({ time }) => time.toFixed(1)).join(" and ")}`);
}

const { planted, joint } = await trapStudy(Link.named("harmonic", { order: 3, mix: 0.5 }), {
  dim: 30,
  trials: 40,
  seed: 1,
});
console.log(`a link of threefold symmetry: ${planted.trapped} of 40 starts are trapped when it is known and frozen,`);
console.log(`${joint.trapped} of 40 when it is learnt together with the directions`);
