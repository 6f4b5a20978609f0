// Items: what is tried, a file of this device or the address of one elsewhere.

const FILENAME_MAX_CHARS = 1024; // the server's limit

export function fromFile(file) {
  return { filename: label(file.name), file };
}

export function fromUrl(url) {
  const last = url.pathname.split("/").at(-1);
  return { filename: label(decoded(last) || url.hostname), url: url.href };
}

// The http addresses in a text, one a word.
export function findUrls(text) {
  return text.split(/\s+/).filter((word) => /^https?:\/\//i.test(word) && URL.canParse(word)).map((word) => new URL(word));
}

// An item as the API has it. Rejects where the browser cannot read the file.
export async function instance(item, target) {
  const named = { filename: item.filename, target };
  return item.url ? { ...named, url: item.url } : { ...named, image: await base64(item.file) };
}

// A label is 1 to 1,024 characters of well-formed text.
function label(name) {
  return [...name.toWellFormed()].slice(0, FILENAME_MAX_CHARS).join("") || "picture";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
