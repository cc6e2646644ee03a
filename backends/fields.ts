import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { epochField, versionField } from './main-place.ts';

const placeholder = /\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([A-Za-z0-9]+))?\}/g;

const variants: Readonly<Record<string, (value: string) => string>> = {
  // encodeURIComponent leaves !'()* alone, which some URL parsers of database drivers do not.
  url: (value) => encodeURIComponent(value).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`),
  json: (value) => JSON.stringify(value).slice(1, -1),
};

/**
 * What an entry's `fields` become with this material: `{username}` is replaced by the material's field of that name,
 * `{password|url}` by its URL-encoded form, `{password|json}` by its form inside a JSON string. Braces around anything
 * else stand for themselves, so that a template may be a piece of JSON. Undefined: every field under its own name. Pure.
 * Throws INVALID_CONFIG, naming what exists, for a placeholder, variant or field name that cannot be.
 */
export function renderFields(
  fields: Readonly<Record<string, string>> | undefined,
  material: SecretMaterial,
): Readonly<Record<string, string>> {
  checkFields(fields, material.fieldNames());
  const values = material.reveal();
  if (fields === undefined) return { ...values };
  const rendered: Record<string, string> = {};
  for (const [name, template] of Object.entries(fields)) {
    rendered[name] = template.replace(placeholder, (_whole, field: string, variant: string | undefined) => {
      const value = values[field] ?? '';
      return variant === undefined ? value : (variants[variant]?.(value) ?? '');
    });
  }
  return rendered;
}

/** The same check without material, for `apply`: do these templates fit material with these field names? */
export function checkFields(
  fields: Readonly<Record<string, string>> | undefined,
  materialFields: readonly string[],
): void {
  const written = fields === undefined ? materialFields : Object.keys(fields);
  if (written.length === 0)
    throw new KeybatonError('INVALID_CONFIG', 'fields is empty: name at least one field to write');
  for (const reserved of [versionField, epochField]) {
    if (written.includes(reserved)) {
      throw new KeybatonError('INVALID_CONFIG', `field ${reserved} is written by keybaton itself: choose another name`);
    }
  }
  for (const [name, template] of Object.entries(fields ?? {})) checkTemplate(name, template, materialFields);
}

function checkTemplate(name: string, template: string, materialFields: readonly string[]): void {
  for (const [, field = '', variant] of template.matchAll(placeholder)) {
    if (!materialFields.includes(field)) {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `field ${name} asks for {${field}}, which this provider does not make: it makes ${list(materialFields)}`,
      );
    }
    if (variant !== undefined && !Object.hasOwn(variants, variant)) {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `field ${name} asks for {${field}|${variant}}: after the bar there may be ${list(Object.keys(variants))}`,
      );
    }
  }
}

function list(names: readonly string[]): string {
  return [...names].sort().join(', ');
}

/** Shorter values are compared whole: they may be part of anything. */
const shortestPart = 8;

/** Does any field, at any depth, hold this secret value, alone or inside a longer text such as a connection string? */
export function holdsValue(stored: unknown, value: string): boolean {
  if (typeof stored === 'string') {
    if (value.length < shortestPart) return stored === value;
    return [value, ...Object.values(variants).map((form) => form(value))].some((form) => stored.includes(form));
  }
  if (typeof stored !== 'object' || stored === null) return false;
  return Object.values(stored).some((inner) => holdsValue(inner, value));
}

/** Same fields with the same values, and the same one of them is *the value*. */
export function sameMaterial(one: SecretMaterial, other: SecretMaterial): boolean {
  const left = one.reveal();
  const right = other.reveal();
  const names = Object.keys(left);
  return (
    one.valueFieldName() === other.valueFieldName() &&
    names.length === Object.keys(right).length &&
    names.every((name) => left[name] === right[name])
  );
}
