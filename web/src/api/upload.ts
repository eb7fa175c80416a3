// Uploads with progress, which `fetch` does not tell.
import { BASE, type Method } from './client'
import { Problem, Unreachable } from './problem'

/** Sends a form, or a file as it is; `progress` gets the part that has been sent, 0 to 1. */
export function upload<T>(method: Method, path: string, form: FormData | File, progress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, BASE + path)
    request.setRequestHeader('Accept', 'application/json')
    request.setRequestHeader('X-Ramal-CSRF', '1')
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0)
    request.onerror = () => reject(new Unreachable(`${method} ${path}`))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve((request.responseText ? JSON.parse(request.responseText) : undefined) as T)
        return
      }
      const type = request.getResponseHeader('Content-Type') ?? ''
      const answer = new Response(request.responseText, { status: request.status, headers: { 'Content-Type': type } })
      void Problem.from(answer).then(reject)
    }
    request.send(form)
  })
}
