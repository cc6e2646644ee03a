const markup = Symbol('markup');

/** Text that is markup already: made by `html` alone, so that nothing else can be mistaken for it. */
export interface Html {
  readonly [markup]: string;
}

export type Fragment = Html | string | number | null | undefined | false | readonly Fragment[];

const replacements: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => replacements[character] ?? '');

/**
 * A template whose values are escaped, whatever they are; only what `html` made goes in as it is. Every attribute must
 * stand in double quotes. `null`, `undefined` and `false` are nothing.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  return {
    [markup]: strings.map((text, index) => text + (index < values.length ? textOf(values[index]) : '')).join(''),
  };
}

function textOf(value: Fragment): string {
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  if (isHtml(value)) return value[markup];
  return value.map(textOf).join('');
}

const isHtml = (value: Html | readonly Fragment[]): value is Html => markup in value;

/** What is sent. */
export const written = (page: Html): string => page[markup];
