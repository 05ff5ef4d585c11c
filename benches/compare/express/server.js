// The usual shape of such a service, written for the comparison: Express, whole answers in Redis under the URL with a time to live, and
// behind them PostgreSQL, which makes nested documents with json_agg from plain tables (benches/sql/naive.sql makes those).
//
//   LISTEN=127.0.0.1:8080 REDIS_URL=redis://… DATABASE_URL=postgres://… node server.js
// Without REDIS_URL every request goes to PostgreSQL; without DATABASE_URL only what is in Redis is served. With WEB_CONCURRENCY=2 there are
// two processes that share the port, each with ten connections.
import cluster from 'node:cluster';
import express from 'express';
import pg from 'pg';
import { createClient } from 'redis';
import { readFileSync } from 'node:fs';

const [host, port] = process.env.LISTEN.split(':');
const TTL = 3600;
const processes = Number(process.env.WEB_CONCURRENCY ?? 1);
if (cluster.isPrimary && processes > 1) {
  for (let i = 0; i < processes; i++) cluster.fork();
  // A process that is gone takes the rest with it: what is measured then is nothing.
  cluster.on('exit', () => process.exit(1));
} else {
  await serve();
}

async function serve() {
  const redis = process.env.REDIS_URL ? await createClient({ url: process.env.REDIS_URL }).connect() : null;
  const pool = process.env.DATABASE_URL ? new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 }) : null;

  // The statement that benches/sql measures, with a parameter of node-postgres for pgbench's.
  const naive = readFileSync(new URL('../../sql/styles_naive.sql', import.meta.url), 'utf8');
  const styles = {
    name: 'styles',
    text: naive.replace(/^(--|\\set).*$/gm, '').trim().replace(/;$/, ' AS document')
      .replaceAll(':product::text', '$1::text').replace('= :product)', '= $1::text::integer)'),
  };
  const product = {
    name: 'product',
    text: `SELECT json_build_object('id', p.id, 'name', p.name, 'slogan', p.slogan, 'description', p.description,
        'category', p.category, 'default_price', (p.default_price / 100.0)::numeric(12, 2)::text,
        'features', coalesce((SELECT json_agg(json_build_object('feature', f.feature, 'value', f.value) ORDER BY f.id)
                              FROM features AS f WHERE f.product_id = p.id), '[]')) AS document
      FROM products AS p WHERE p.id = $1::text::integer`,
  };

  const cached = (query) => async (request, response, next) => {
    try {
      const key = `answer:${request.originalUrl}`;
      let body = redis && (await redis.get(key));
      if (!body) {
        if (!pool) return response.status(404).send('not in the cache');
        const { rows } = await pool.query({ ...query, values: [request.params.id] });
        if (rows.length === 0) return response.status(404).send('no such product');
        body = JSON.stringify(rows[0].document);
        if (redis) await redis.set(key, body, { EX: TTL });
      }
      response.set('Cache-Control', 'public, no-cache').type('json').send(body);
    } catch (error) {
      next(error);
    }
  };

  const app = express();
  app.disable('x-powered-by');
  app.get('/products/:id', cached(product));
  app.get('/products/:id/styles', cached(styles));
  app.listen(Number(port), host, () => console.log(`serving ${host}:${port}`));
}
