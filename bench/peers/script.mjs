// node script.mjs JOB INPUT OUTPUT: what somebody writes in an afternoon. JSON.parse and a Map,
// blocks of 1 MiB.
import { openSync, readSync, writeFileSync } from "node:fs";

const [job, input, output] = process.argv.slice(2);
const isCsv = job === "J7";
const groups = new Map();
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function add(key, amount, cost) {
  const group = groups.get(key);
  if (group === undefined) {
    groups.set(key, { count: 1, sum: amount, max: cost });
    return;
  }
  group.count++;
  group.sum += amount;
  if (cost > group.max) group.max = cost;
}

function takeCsv(line) {
  const row = line.split(",");
  add(`${row[0].slice(0, 16)}:00Z,${row[2]}`, Number(row[4]), 0);
}

function takeJson(line) {
  let row;
  try {
    row = JSON.parse(line);
  } catch {
    return; // a broken line is no reading
  }
  if (!time.test(row.time)) return;
  const minute = row.time.slice(0, 16);
  if (job !== "J1") add(`${minute}:00Z,${row.merchantId}`, row.amount, row.cost_time);
  else if (!row.success) add(`${minute}:00Z`, 0, 0);
}

const take = isCsv ? takeCsv : takeJson;
const file = openSync(input);
const block = Buffer.allocUnsafe(1 << 20);
let rest = "";
for (let length; (length = readSync(file, block)) > 0; ) {
  const lines = (rest + block.toString("latin1", 0, length)).split("\n");
  rest = lines.pop();
  for (const line of lines) take(line);
}

const rows = [];
for (const [key, group] of groups) {
  if (job === "J1") rows.push(`${key},${group.count}\n`);
  else if (isCsv) rows.push(`${key},${group.count},${group.sum.toFixed(2)}\n`);
  else rows.push(`${key},${group.count},${group.sum.toFixed(2)},${group.max}\n`);
}
writeFileSync(output, rows.join(""));
