/// The answer to a plain HTTP request.
package struct Page: Hashable, Sendable {
    package struct Header: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package var status: Int
    package var headers: [Header]
    package var body: String

    package init(status: Int = 200, contentType: String, body: String) {
        self.status = status
        self.headers = [Header(name: "content-type", value: contentType)]
        self.body = body
    }

    static let plainText = "text/plain; charset=utf-8"

    /// An error as Go's `http.Error` writes it.
    static func error(_ status: Int, _ text: String) -> Page {
        var page = Page(status: status, contentType: self.plainText, body: text + "\n")
        page.headers.append(Header(name: "x-content-type-options", value: "nosniff"))
        return page
    }

    static let notFound = Page.error(404, "404 page not found")

    static func methodNotAllowed(_ allowed: String) -> Page {
        var page = Page.error(405, "Method Not Allowed")
        page.headers.append(Header(name: "allow", value: allowed))
        return page
    }
}
