"""What the demo's customers and agents say to each other."""

from __future__ import annotations

import msgspec


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation from the first message to the last. `{order}` is the order's number, `{name}` the first name."""

    language: str
    subject: str
    opening: str
    reply: str
    question: str
    """What the agent asks where the customer has to be waited for."""
    answer: str
    closing: str
    thanks: str
    resolution: str
    upset: str
    """What the customer writes when nobody answers."""


ENGLISH = (
    Script(
        language="en",
        subject="Where is my parcel?",
        opening="Hello, order {order} should have come on Monday and the tracking page has not moved since. Where is it?",
        reply="Hi {name}, I have asked the carrier for the whereabouts of {order}. I will be back within the hour.",
        question="{name}, the carrier could not find the bell. Which name is on it?",
        answer="It says Harper, second floor. Please try again tomorrow morning.",
        closing="The driver has the note and will ring again tomorrow between 9 and 11.",
        thanks="Got it, the parcel is here. Thank you!",
        resolution="New delivery attempt agreed with the carrier",
        upset="Still no parcel and no answer. Is anybody there?",
    ),
    Script(
        language="en",
        subject="Wrong size delivered",
        opening="I ordered the boots in 39 and the box has a 41 in it. The order is {order}. How do we swap them?",
        reply="Sorry about that, {name}. A prepaid label is on its way and the 39 is set aside for you.",
        question="Could you send me the number printed under the barcode on the box, {name}?",
        answer="Under the barcode it says 7731-41-B.",
        closing="Thank you, the 39 leaves the warehouse today.",
        thanks="Perfect, they fit now.",
        resolution="Exchange for the right size sent",
        upset="I need those boots for Saturday. Can somebody please look at this?",
    ),
    Script(
        language="en",
        subject="Charged twice",
        opening="My card shows two payments for order {order}. I would like a refund of the second one, please.",
        reply="I can see both payments, {name}. The second one was a retry; I have started the refund.",
        question="To be sure I refund the right one: which of the two has the later time on your statement, {name}?",
        answer="The one at 21:47 is the second.",
        closing="The refund is confirmed. Your bank shows it within three working days.",
        thanks="I can see it already, thanks.",
        resolution="Second payment refunded",
        upset="Two days, two charges, no reply. I will take this to a lawyer if I hear nothing today.",
    ),
    Script(
        language="en",
        subject="Lamp arrived broken",
        opening="The glass of the lamp in order {order} was in pieces when I opened the box. The packaging looked fine.",
        reply="Oh no. I am sending a new one today, {name}, and you need not return the broken one.",
        question="Is the metal foot unharmed, {name}? Then the glass alone would be quicker.",
        answer="The foot is fine, only the glass is gone.",
        closing="The glass is on its way with tomorrow's post.",
        thanks="It came and it fits. Great service.",
        resolution="Replacement glass sent",
        upset="This is a complaint: nobody has got back to me about the broken lamp.",
    ),
    Script(
        language="en",
        subject="Change of address",
        opening="I am moving this week. Can order {order} still go to the new place at 12 Mill Lane?",
        reply="It has not left yet, {name}, so yes. I have changed the address to 12 Mill Lane.",
        question="Which postcode belongs to 12 Mill Lane, {name}?",
        answer="It is BN7 2QF.",
        closing="All set: the label is printed with the new address.",
        thanks="Wonderful, thank you.",
        resolution="Delivery address changed",
        upset="Please tell me at least whether it can still be changed. The van leaves tomorrow.",
    ),
    Script(
        language="en",
        subject="How do I pair the headphones?",
        opening="The headphones of order {order} blink blue, but my phone does not list them. What am I doing wrong?",
        reply="Hold the power key for seven seconds until they blink white, {name}. Then they show up.",
        question="Which phone is it, {name}? Some need an update first.",
        answer="A three-year-old one with all updates.",
        closing="Then a reset helps: both keys for ten seconds. I have sent you a short film of it.",
        thanks="That did it!",
        resolution="Reset explained",
        upset="Tried everything twice. Shall I just send them back?",
    ),
    Script(
        language="en",
        subject="Invoice with our company's name",
        opening="We need the invoice of order {order} made out to Field & Sons. The one we got has my own name on it.",
        reply="Of course, {name}. The corrected invoice is in your inbox.",
        question="Which tax number should be on it, {name}?",
        answer="GB 441 9027 55, please.",
        closing="Done: number and name are both right now.",
        thanks="Received, thanks.",
        resolution="Corrected invoice sent",
        upset="Our bookkeeper closes the month tonight. Can we have the invoice please?",
    ),
)

PORTUGUESE = (
    Script(
        language="pt-BR",
        subject="Meu pedido não chegou",
        opening="Oi! O pedido {order} era para ter chegado na segunda e o rastreio parou. Vocês sabem onde ele está?",
        reply="Oi, {name}! Já abri um chamado na transportadora sobre o {order}. Te aviso ainda hoje.",
        question="{name}, o entregador não achou o número. Tem algum ponto de referência?",
        answer="É ao lado da padaria, portão verde.",
        closing="Passei a referência. A nova entrega fica para amanhã de manhã.",
        thanks="Chegou agora! Obrigada pela ajuda.",
        resolution="Nova entrega combinada com a transportadora",
        upset="Gente, alguém me responde? Continuo sem o pedido.",
    ),
    Script(
        language="pt-BR",
        subject="Veio o tamanho errado",
        opening="Pedi a camiseta M e veio G. O pedido é o {order}. Como eu faço a troca?",
        reply="Que pena, {name}! Já separei a M e a etiqueta de devolução está no seu e-mail.",
        question="{name}, a peça está com a etiqueta ainda?",
        answer="Está sim, nem usei.",
        closing="Ótimo. A M sai do estoque hoje mesmo.",
        thanks="Serviu direitinho, valeu!",
        resolution="Troca pelo tamanho certo enviada",
        upset="É presente para sexta-feira, por favor me respondam.",
    ),
    Script(
        language="pt-BR",
        subject="Cobrança em dobro",
        opening="Fui cobrada duas vezes no pedido {order}. Quero o reembolso da segunda cobrança.",
        reply="Localizei as duas, {name}. A segunda já foi estornada.",
        question="{name}, a fatura mostra quais horários nas duas cobranças?",
        answer="Uma às 19h02 e outra às 19h05.",
        closing="Confirmado. O estorno aparece em até três dias úteis.",
        thanks="Já caiu aqui, obrigada.",
        resolution="Segunda cobrança estornada",
        upset="Se não resolverem hoje vou abrir reclamação no Procon.",
    ),
    Script(
        language="pt-BR",
        subject="Caneca quebrada",
        opening="Abri a caixa do pedido {order} e a caneca veio sem a alça. Dá para mandar outra?",
        reply="Dá sim, {name}. Outra caneca sai amanhã e não precisa devolver essa.",
        question="{name}, você prefere a azul de novo ou a verde?",
        answer="A azul, por favor.",
        closing="Azul confirmada, com embalagem reforçada.",
        thanks="Chegou inteira, adorei.",
        resolution="Nova caneca enviada",
        upset="Continuo esperando uma resposta sobre a caneca.",
    ),
    Script(
        language="pt-BR",
        subject="Mudar o endereço",
        opening="Mudei de casa ontem. O pedido {order} ainda pode ir para a Rua das Acácias, 58?",
        reply="Pode, {name}: ele ainda não saiu. Troquei para a Rua das Acácias, 58.",
        question="Qual é o CEP da Rua das Acácias, {name}?",
        answer="É 04512-030.",
        closing="Pronto, etiqueta nova impressa.",
        thanks="Perfeito, muito obrigado!",
        resolution="Endereço de entrega trocado",
        upset="Preciso saber hoje se ainda dá para trocar o endereço.",
    ),
    Script(
        language="pt-BR",
        subject="Cupom não funciona",
        opening="O cupom de aniversário não entra no pedido {order}. Ele não vale para promoção?",
        reply="Ele vale, {name}. Apliquei o desconto direto no seu pedido.",
        question="{name}, qual é o código que aparece no seu e-mail?",
        answer="É o FESTA15.",
        closing="Desconto de 15% lançado, confira o novo total.",
        thanks="Agora sim. Obrigado!",
        resolution="Desconto aplicado no pedido",
        upset="O cupom vence hoje à noite, alguém pode olhar?",
    ),
    Script(
        language="pt-BR",
        subject="Nota fiscal",
        opening="Preciso da nota fiscal do pedido {order} no CNPJ da empresa. A que veio está no meu CPF.",
        reply="Claro, {name}. A nota corrigida já está no seu e-mail.",
        question="{name}, qual é a inscrição estadual da empresa?",
        answer="Somos isentos.",
        closing="Emitida com o CNPJ e a isenção.",
        thanks="Recebi, obrigada.",
        resolution="Nota fiscal corrigida",
        upset="Sem a nota não consigo lançar a compra. Podem me ajudar?",
    ),
)

FIRST_NAMES = {
    "en": ("Grace", "Oliver", "Maya", "Noah", "Priya", "Ethan", "Chloe", "Samir", "Hannah", "Leo", "Ruth", "Owen"),
    "pt-BR": ("Beatriz", "Caio", "Larissa", "Rafael", "Júlia", "Mateus", "Iara", "Tiago", "Helena", "Davi", "Luana"),
}
LAST_NAMES = {
    "en": ("Harper", "Field", "Okafor", "Bennett", "Doyle", "Singh", "Mercer", "Novak", "Whitlock", "Tran"),
    "pt-BR": ("Nogueira", "Barros", "Teixeira", "Pinheiro", "Queiroz", "Amaral", "Siqueira", "Rocha", "Farias", "Mendes"),
}
