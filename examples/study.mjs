/** Runs an experiment of the papers in two threads and prints theory beside measurement. Run: node examples/study.mjs [folder] */
import { studyCrew } from "leapflow/cluster";
import { runStudy } from "leapflow/studies";

const out = process.argv[2];
const { title, findings, figures } = await runStudy("saddles", {
  scale: "quick",
  seed: 1,
  crew: studyCrew({ threads: 2 }), // or { cluster: "nats://host:4222" }
  ...(out === undefined ? {} : { out }), // data, figures and a page
});

console.log(title);
for (const { statement, predicted, measured, verdict } of findings.slice(0, 8)) {
  console.log(`  ${statement}: predicted ${predicted}, measured ${measured.toFixed(4)}, ${verdict}`);
}
console.log(`${figures.length} figures${out === undefined ? "; name a folder to have them" : ` in ${out}`}`);
