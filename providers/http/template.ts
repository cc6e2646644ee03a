import { pathPart } from '../../outbound/path-part.ts';

/** What placeholders of a template stand for. Secrets are not among them: those stand in headers alone. */
export type Fillings = Readonly<Record<string, unknown>>;

const placeholder = /\{([^{}]*)\}/g;

export const placeholdersOf = (template: string): readonly string[] =>
  [...template.matchAll(placeholder)].map(([, name = '']) => name);

/** Every string of a template of a body, keys apart. */
export function stringsOf(template: unknown): readonly string[] {
  if (typeof template === 'string') return [template];
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap(stringsOf);
}

/** A path: what is filled in stays one part of it, whatever it holds. */
export const filledPath = (template: string, fillings: Fillings): string =>
  template.replace(placeholder, (_, name: string) => pathPart(textOf(fillings[name])));

/** A query; what has nothing to say is left out. */
export const filledQuery = (
  templates: Readonly<Record<string, string>>,
  fillings: Fillings,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(templates).flatMap(([name, template]) => {
      const filled = filledText(template, fillings);
      return filled === undefined || filled === null ? [] : [[name, textOf(filled)]];
    }),
  );

/** A body: a text that is one placeholder becomes its value as it is, and a key whose value is not there is left out. */
export function filledBody(template: unknown, fillings: Fillings): unknown {
  if (typeof template === 'string') return filledText(template, fillings);
  if (Array.isArray(template))
    return template.map((one) => filledBody(one, fillings)).filter((one) => one !== undefined);
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template)
      .map(([name, one]) => [name, filledBody(one, fillings)] as const)
      .filter(([, one]) => one !== undefined),
  );
}

function filledText(template: string, fillings: Fillings): unknown {
  const whole = /^\{([^{}]*)\}$/.exec(template)?.[1];
  if (whole !== undefined) return fillings[whole];
  return template.replace(placeholder, (_, name: string) => textOf(fillings[name]));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
