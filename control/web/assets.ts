import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' } as const;

/** Name, where it is, its type. */
const ours = [
  ['style.css', types.css],
  ['page.js', types.js],
  ['marks.svg', types.svg],
  ['icon.svg', types.svg],
] as const;

/** What the pages load, all of it from here: nobody else learns who looks at them, and they work without a network. */
export function assetRoutes(app: FastifyInstance): void {
  const htmx = join(dirname(createRequire(import.meta.url).resolve('htmx.org/package.json')), 'dist', 'htmx.min.js');
  const folder = fileURLToPath(new URL('assets/', import.meta.url));
  const files = [
    ...ours.map(([name, type]) => [name, type, join(folder, name)] as const),
    ['htmx.min.js', types.js, htmx] as const,
  ];
  for (const [name, type, file] of files) {
    const content = readFileSync(file);
    app.get(`/assets/${name}`, async (_request, reply) =>
      reply.header('cache-control', 'no-cache').type(type).send(content),
    );
  }
}
