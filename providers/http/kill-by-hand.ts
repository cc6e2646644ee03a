import type { Ref } from '../../domain/facts.ts';
import type { Target } from '../provider.ts';
import { hostOf, requestOf, settingsOf } from './api.ts';
import type { Declaration } from './declaration.ts';
import type { DeclaredSettings } from './settings.ts';
import { filledBody, filledPath, filledQuery } from './template.ts';

/** The revoke call as a command of curl; the admin credential comes from a variable by a pipe, never as an argument. */
export function killByHand(declaration: Declaration, target: Target<DeclaredSettings>, ref: Ref): string {
  const { name, console, admin, revoke } = declaration;
  const fillings = { ...settingsOf(target), id: ref.id };
  const { method, path } = requestOf(revoke.request);
  const query = new URLSearchParams({ ...filledQuery(revoke.query, fillings) }).toString();
  const base = hostOf(declaration, target.settings, revoke).replace(/\/$/, '');
  const url = `${base}${filledPath(path, fillings)}${query === '' ? '' : `?${query}`}`;
  const variable = `${name.toUpperCase().replaceAll('-', '_')}_ADMIN_KEY`;
  const headers = Object.entries(admin.headers).map(
    ([header, text]) => `header = "${header}: ${text.replace('{admin}', '%s')}"\\n`,
  );
  const body =
    revoke.body === undefined
      ? ''
      : ` -H 'content-type: application/json' -d ${quoted(JSON.stringify(filledBody(revoke.body, fillings)))}`;
  return [
    `key ${ref.id}: ${console}, or with the admin key:`,
    `printf '${headers.join('')}' "$${variable}" | curl -fsS -K - -X ${method}${body} ${quoted(url)}`,
  ].join('\n');
}

/** One word of a shell, whatever it holds. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
