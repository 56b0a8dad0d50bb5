// node duckdb.mjs JOB INPUT OUTPUT THREADS: one question in SQL, the answer as CSV.
// BENCH_NODE: a directory with a package.json and node_modules (packaging/install-bench-deps.sh).
import { createRequire } from "node:module";

const { DuckDBInstance } = createRequire(process.env.BENCH_NODE + "/")("@duckdb/node-api");
const [job, input, output, threads] = process.argv.slice(2);

const table = (types, more = "") =>
  `read_json('${input}', format = 'newline_delimited', columns = ${types}${more})`;
const payments = "{time: 'VARCHAR', merchantId: 'VARCHAR', amount: 'DOUBLE', cost_time: 'INTEGER'}";
const minute = "substr(time, 1, 16) || ':00Z' AS window_start";
const isTime = "try_cast(time AS TIMESTAMP) IS NOT NULL";
const sums = "count(*) AS n, round(sum(amount), 2) AS total, max(cost_time) AS longest";
const J2 = `SELECT ${minute}, merchantId, ${sums} FROM ${table(payments)} GROUP BY ALL`;
// Panes of 5 s; each is part of the 12 windows that begin in the minute up to it.
const panes = `SELECT substr(time, 1, 18) || if(substr(time, 19, 1) < '5', '0', '5') AS pane,
    merchantId, count(*) AS n
  FROM ${table("{time: 'VARCHAR', merchantId: 'VARCHAR'}")} GROUP BY ALL`;

const questions = {
  J1: `SELECT ${minute}, count(*) AS n
    FROM ${table("{time: 'VARCHAR', success: 'BOOLEAN'}")} WHERE NOT success GROUP BY ALL`,
  J2,
  J3: `${J2} HAVING count(*) >= 1000`,
  J4: `SELECT strftime(pane::TIMESTAMP - to_seconds(5 * back), '%Y-%m-%dT%H:%M:%SZ') AS window_start,
      merchantId, sum(n) AS n
    FROM (${panes}), range(12) AS steps(back) GROUP BY ALL HAVING sum(n) >= 1000`,
  J5: `SELECT ${minute}, customerId, ${sums}
    FROM ${table(payments.replace("merchantId", "customerId"))} GROUP BY ALL HAVING count(*) >= 5`,
  // The obvious way loses the line after one that is cut off behind a colon: see J6.
  J6_READ_JSON: `SELECT ${minute}, merchantId, ${sums}
    FROM ${table(payments, ", ignore_errors = true")} WHERE ${isTime} GROUP BY ALL`,
  J6: `WITH lines AS (SELECT line FROM read_csv('${input}', columns = {line: 'VARCHAR'}, header = false,
      auto_detect = false, delim = '\x01', quote = '', escape = '') WHERE json_valid(line)),
    rows AS (SELECT unnest(json_transform(line, '{"time": "VARCHAR", "merchantId": "VARCHAR",
      "amount": "DOUBLE", "cost_time": "INTEGER"}')) FROM lines)
    SELECT ${minute}, merchantId, ${sums} FROM rows WHERE ${isTime} GROUP BY ALL`,
  J7: `SELECT ${minute}, merchantId, count(*) AS n, round(sum(amount), 2) AS total
    FROM read_csv('${input}', header = false, columns = {time: 'VARCHAR', paymentId: 'VARCHAR',
      merchantId: 'VARCHAR', customerId: 'VARCHAR', amount: 'DOUBLE', success: 'BOOLEAN'})
    GROUP BY ALL`,
};

const instance = await DuckDBInstance.create(":memory:", { threads });
const connection = await instance.connect();
await connection.run(`COPY (${questions[job]}) TO '${output}' (FORMAT csv, HEADER false)`);
