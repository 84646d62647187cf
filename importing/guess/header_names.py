"""What columns are called in exports, in English, German, French, Spanish, Portuguese and Chinese; words of a status column."""

from __future__ import annotations

from collections.abc import Mapping

# (ledger table, column) -> names, the most usual first; `open_amount`, `tax` and `status` are no columns of the ledger.
NAMES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("invoices", "invoice_id"): (
        "invoice id", "invoice number", "invoice no", "invoice", "document number", "document no", "document", "doc no", "bill no", "doc id", "voucher no",
        "ref no", "reference", "num", "no", "rechnungsnummer", "rechnungsnr", "rechnung nr", "rechnung", "belegnummer", "belegnr",
        "beleg", "numero facture", "numéro de facture", "n° facture", "facture", "pièce", "numero da fatura", "nota fiscal",
        "número da nota", "fatura", "duplicata", "número de factura", "nº factura", "factura", "folio", "comprobante", "单据号",
        "单据编号", "单据号码", "单号", "应收单号", "销售单号", "发票号", "发票号码", "发票编号", "票据号", "凭证号", "订单号",
    ),
    ("invoices", "customer_id"): (
        "customer id", "customer number", "customer no", "customer code", "customer", "cust no", "cust", "account id", "account no", "a/c", "a/c no",
        "account", "client id", "client", "debtor", "debtor no", "party", "buyer", "contact", "kundennummer", "kundennr", "kunden nr",
        "kunde", "debitor", "debitorennummer", "code client", "numero client", "numéro client", "client", "id cliente", "código cliente",
        "código do cliente", "cod cliente", "cliente", "sacado", "客户编码", "客户编号", "客户代码", "客户号", "客户", "往来单位", "购货单位",
    ),
    ("invoices", "issued_on"): (
        "issue date", "issued on", "issued", "invoice date", "document date", "doc date", "bill date", "transaction date", "date", "posting date",
        "rechnungsdatum", "belegdatum", "datum", "ausstellungsdatum", "date facture", "date de facture", "date d'émission", "date pièce",
        "data emissao", "data de emissão", "emissão", "data da fatura", "fecha factura", "fecha de emisión", "fecha emisión", "fecha",
        "开票日期", "单据日期", "发票日期", "业务日期", "日期", "制单日期", "立账日期",
    ),
    ("invoices", "due_on"): (
        "due date", "due on", "due", "net due date", "payment due", "payment due date", "faelligkeit", "fälligkeit", "fälligkeitsdatum",
        "fällig am", "faellig", "fällig", "zahlungsziel", "echeance", "échéance", "date echeance", "date d'échéance", "vencimento",
        "data vencimento", "data de vencimento", "vencimiento", "fecha vencimiento", "fecha de vencimiento", "到期日", "到期日期", "应收日期",
        "付款到期日", "收款到期日",
    ),
    ("invoices", "amount"): (
        "invoice amount", "total amount", "amount", "total", "bill amount", "bill amt", "invoice amt", "original amount", "gross amount", "gross", "invoice total", "total inc tax", "total inc gst",
        "total incl vat", "grand total", "value", "amt", "bruttobetrag", "rechnungsbetrag", "gesamtbetrag", "brutto", "betrag",
        "montant ttc", "total ttc", "montant", "valor total", "valor bruto", "valor a pagar", "valor", "importe total", "importe",
        "monto total", "monto", "价税合计", "应收金额", "本币金额", "原币金额", "开票金额", "发票金额", "含税金额", "金额",
    ),
    ("invoices", "open_amount"): (
        "open amount", "outstanding amount", "remaining amount", "remaining balance", "o/s", "outstanding", "balance", "open balance", "balance due", "amount due", "remaining", "offener betrag",
        "offen", "restbetrag", "saldo", "solde", "reste à payer", "restant dû", "saldo em aberto", "em aberto", "saldo pendiente", "pendiente",
        "余额", "未收金额", "应收余额", "欠款", "未付金额", "剩余金额", "未核销金额",
    ),
    ("invoices", "tax"): (
        "tax", "vat", "gst", "tax amount", "gst amount", "vat amount", "mwst", "ust", "steuer", "steuerbetrag", "tva", "iva", "imposto", "税额", "增值税",
    ),
    ("invoices", "currency"): (
        "currency", "currency code", "curr", "ccy", "währung", "waehrung", "devise", "monnaie", "moeda", "moneda", "divisa", "币种", "货币", "币别",
    ),
    ("invoices", "status"): (
        "status", "state", "invoice status", "payment status", "zahlungsstatus", "statut", "état", "estado", "situação", "situacao", "状态", "付款状态",
        "收款状态", "单据状态",
    ),
    ("invoices", "kinds"): (
        "type", "document type", "doc type", "transaction type", "voucher type", "kind", "belegart", "art", "typ", "type de pièce", "type pièce",
        "tipo", "tipo de documento", "tipo documento", "clase", "单据类型", "类型", "业务类型", "凭证类型",
    ),
    ("invoices", "payment_terms"): (
        "payment terms", "terms", "zahlungsbedingung", "zahlungsbedingungen", "zahlungskonditionen", "conditions de paiement", "conditions",
        "condições", "condicoes de pagamento", "condiciones de pago", "付款条件", "账期", "结算方式", "收款条件",
    ),
    ("invoices", "booked_on"): (
        "booked on", "entry date", "created on", "created", "created at", "erfasst am", "buchungsdatum", "erfassungsdatum", "date de saisie",
        "data de lançamento", "fecha de registro", "录入日期", "记账日期", "过账日期", "入账日期",
    ),
    ("invoices", "applies_to"): (
        "applies to", "applied to", "against", "against invoice", "original invoice", "invoice reference", "rechnungsbezug", "bezug", "facture d'origine",
        "fatura de origem", "factura de origen", "核销单号", "源单号", "冲销发票", "对应发票",
    ),
    ("invoices", "credit_amount"): (
        "credit", "credit amount", "cr", "haben", "habenbetrag", "crédit", "haber", "crédito", "贷方", "贷方金额",
    ),
    ("invoices", "debit_amount"): (
        "debit", "debit amount", "dr", "soll", "sollbetrag", "débit", "debe", "débito", "借方", "借方金额",
    ),
    ("payments", "payment_id"): (
        "payment id", "payment number", "payment no", "receipt no", "receipt number", "receipt", "zahlungsnummer", "zahlung nr", "numero paiement",
        "id pagamento", "número de pago", "收款单号", "付款单号", "收款编号",
    ),
    ("payments", "invoice_id"): (),  # the names of an invoice; filled below
    ("payments", "customer_id"): (),
    ("payments", "paid_on"): (
        "paid on", "payment date", "paid", "settled", "received date", "recd date", "date received", "paid date", "date paid", "clear date", "cleared on", "clearing date", "settled date", "settled on", "receipt date",
        "bezahlt am", "zahlungsdatum", "bezahlt", "zahlungseingang", "ausgleichsdatum", "zahldatum", "date paiement", "date de paiement", "date de règlement",
        "réglé le", "data pagamento", "data de pagamento", "pago em", "data de baixa", "fecha pago", "fecha de pago", "fecha de cobro", "收款日期",
        "付款日期", "回款日期", "到账日期", "核销日期", "结算日期",
    ),
    ("payments", "amount"): (
        "paid amount", "amount paid", "payment amount", "paid", "recd amt", "received amt", "amt received", "paid amt", "amt paid", "received amount", "amount received", "payment", "bezahlt", "zahlbetrag",
        "bezahlter betrag", "gezahlt", "zahlungsbetrag", "montant payé", "montant paye", "montant réglé", "payé", "valor pago", "valor recebido",
        "pago", "importe pagado", "importe cobrado", "cobrado", "pagado", "收款金额", "已收金额", "付款金额", "回款金额", "已付金额", "实收金额", "核销金额",
    ),
    ("customers", "customer_id"): (),
    ("customers", "name"): (
        "customer name", "client name", "account name", "company name", "company", "name", "debtor name", "kundenname", "firma", "firmenname",
        "nom client", "nom du client", "raison sociale", "razao social", "razão social", "nome do cliente", "nome", "razón social", "nombre cliente",
        "nombre", "客户名称", "客户全称", "单位名称", "公司名称", "往来单位名称", "客户简称",
    ),
    ("customers", "country"): ("country", "country code", "land", "pays", "país", "pais", "国家", "国家代码"),
    ("customers", "industry"): ("industry", "sector", "branche", "secteur", "setor", "segmento", "行业", "所属行业"),
}  # fmt: skip
OF_INVOICES = {("payments", "invoice_id"): ("invoices", "invoice_id"), ("payments", "customer_id"): ("invoices", "customer_id"),
               ("customers", "customer_id"): ("invoices", "customer_id")}  # fmt: skip


def names_of(table: str, column: str) -> tuple[str, ...]:
    """Return what a column is called in exports."""
    key = (table, column)
    return NAMES[OF_INVOICES.get(key, key)]


# Signs of Chinese as Taiwan and Hong Kong write it, where headers and words of a status have them -> as the mainland does.
_SIMPLIFIED = str.maketrans(
    "發號碼幣別額戶編稱單據應項業務開憑證購貨來價稅計餘銷書條結帳國總預實際類詳細數貸經辦聯絡電話與資訊賬齡選擇壞淨舊讓個齊沖紅廢繳償還轉換備註",
    "发号码币别额户编称单据应项业务开凭证购货来价税计余销书条结账国总预实际类详细数贷经办联络电话与资讯账龄选择坏净旧让个齐冲红废缴偿还转换备注",
)


def simplified(text: str) -> str:
    """Return a text with the signs of traditional Chinese as the simplified ones that NAMES and MEANINGS have."""
    return text.translate(_SIMPLIFIED)


# What a word of a column of kinds means: a document, a credit note, or money that came in.
KINDS: Mapping[str, tuple[str, ...]] = {
    "invoice": (
        "invoice", "inv", "si", "sales invoice", "bill", "sale", "sales", "debit note", "rechnung", "re", "ausgangsrechnung", "facture", "fatura", "duplicata",
        "factura", "发票", "销售发票", "应收单", "销售单", "蓝字发票", "其他应收单",
    ),
    "credit_note": (
        "credit note", "credit memo", "credit", "sc", "crn", "cn", "sales credit note", "refund invoice", "gutschrift", "rechnungskorrektur", "gs", "avoir",
        "nota de crédito", "nota de credito", "abono", "nota de abono", "贷项通知单", "红字发票", "退货单", "销售退货", "折让单",
    ),
    "payment": (
        "payment", "receipt", "pmt", "sr", "sa", "cash receipt", "customer payment", "zahlung", "zahlungseingang", "paiement", "règlement", "reglement", "encaissement",
        "pagamento", "recebimento", "pago", "cobro", "recibo", "收款单", "收款", "回款", "银行收款单",
    ),
}  # fmt: skip
# Parts of a word of a status that say that some of the document was paid; how much, only an amount says.
PARTLY = ("part", "teil", "parc", "部分")

# What a word of a status column means.
MEANINGS: Mapping[str, tuple[str, ...]] = {
    "paid": (
        "paid", "fully paid", "settled", "closed", "cleared", "paid in full", "bezahlt", "beglichen", "ausgeglichen", "payé", "payée", "réglé",
        "réglée", "soldé", "soldée", "pago", "paga", "quitado", "quitada", "liquidado", "liquidada", "pagado", "pagada", "cobrado", "cobrada",
        "已付款", "已付", "已收款", "已收", "已结清", "结清", "已核销", "已回款",
    ),
    "cancelled": (
        "cancelled", "canceled", "void", "voided", "deleted", "storniert", "annulliert", "annulé", "annulée", "cancelado", "cancelada", "anulado",
        "anulada", "已作废", "作废", "已取消", "已红冲",
    ),
    "written_off": (
        "written off", "write off", "bad debt", "abgeschrieben", "ausgebucht", "passé en perte", "irrécouvrable", "incobrável", "baixado como perda",
        "incobrable", "坏账", "已核销坏账", "核销坏账",
    ),
    "protested": ("protested", "protestado", "protestada", "protesté", "protestiert", "拒付"),
}  # fmt: skip
