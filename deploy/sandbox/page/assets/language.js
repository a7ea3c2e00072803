// Which of the two languages a text is in: screen readers and glyph variants depend on it.

const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;

export const isJapanese = (text) => JAPANESE.test(text);
