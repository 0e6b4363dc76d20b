// The scene's arrays out of the page: gzip, then byte planes, then differences between rows (see ../page.py).

async function readScene() {
  const meta = JSON.parse(document.getElementById("meta").textContent);
  const base64 = document.getElementById("arrays").textContent.trim();
  const zipped = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const arrays = {};
  let offset = 0;
  for (const { name, rows, columns, size } of meta.arrays) {
    arrays[name] = unpack(bytes.subarray(offset, offset + rows * columns * size), rows, columns, size);
    offset += rows * columns * size;
  }
  return { ...meta, arrays };
}

function unpack(bytes, rows, columns, size) {
  const count = rows * columns;
  const values = size === 1 ? new Uint8Array(count) : size === 2 ? new Uint16Array(count) : new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    let difference = 0;
    for (let plane = 0; plane < size; plane++) difference |= bytes[plane * count + i] << (8 * plane);
    values[i] = difference + (i >= columns ? values[i - columns] : 0); // typed arrays wrap around, as the writer's do
  }
  return values;
}
