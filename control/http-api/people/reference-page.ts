import { createHash } from 'node:crypto';

interface Described {
  readonly summary?: string;
  readonly operationId?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}
interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

const style = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font-family:ui-monospace,monospace}h2{margin-top:2.5rem;overflow-wrap:anywhere}table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}`;

/** The description as a page to read: no script, one style whose hash the policy names. */
export function referencePage(description: object): { readonly html: string; readonly policy: string } {
  const { paths = {}, info } = description as {
    readonly paths?: Readonly<Record<string, Readonly<Record<string, Described>>>>;
    readonly info?: { readonly version?: string };
  };
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => section(method, path, one)),
  );
  const hash = createHash('sha256').update(style).digest('base64');
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>keybaton HTTP API</title><style>${style}</style></head>
<body><main><h1>keybaton HTTP API ${escaped(info?.version ?? '')}</h1>
<p>The same operations, names and JSON as the command line. The whole description, for programs: <a href="openapi.json">openapi.json</a>.
Send <code>Authorization: Bearer</code> and a token. Errors are problem+json.</p>
${sections.join('\n')}</main></body></html>`;
  return {
    html,
    policy: `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
  };
}

function section(
  method: string,
  path: string,
  { operationId = '', summary = '', parameters = [], requestBody }: Described,
): string {
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const rows = [
    ...parameters.map((one) => row(one.name ?? '', one.in ?? '', one.required === true, one.schema, one.description)),
    ...Object.entries(body?.properties ?? {}).map(([name, field]) =>
      row(name, 'body', body?.required?.includes(name) === true, field, field.description),
    ),
  ];
  const table =
    rows.length === 0
      ? ''
      : `<table><thead><tr><th scope="col">field</th><th scope="col">in</th><th scope="col">what</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return `<section id="${escaped(operationId)}"><h2>${escaped(operationId)}</h2>
<p><code>${escaped(method.toUpperCase())} ${escaped(path)}</code></p><p>${escaped(summary)}.</p>${table}</section>`;
}

function row(
  name: string,
  place: string,
  required: boolean,
  schema: Schema | undefined,
  about: string | undefined,
): string {
  const what = [schema?.type ?? '', required ? 'required' : '', about ?? schema?.description ?? '']
    .filter(Boolean)
    .join(', ');
  return `<tr><td><code>${escaped(name)}</code></td><td>${escaped(place)}</td><td>${escaped(what)}</td></tr>`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
